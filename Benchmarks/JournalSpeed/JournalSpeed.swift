import BusyStudy
import Foundation
import Journal
import StudyCore

/// How fast the journal writes and starts again. `rates FOLDER`, `million FOLDER` and `trials FOLDER` print
/// figures;
/// `restore FILE` starts again in this process; `write FILE BATCH` writes until it is killed, for tests.
@main
enum JournalSpeed {
    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        switch (arguments.first, arguments.dropFirst().first) {
        case ("rates", let folder?): try Rates.measure(in: folder)
        case ("million", let folder?): try Restart.million(in: folder)
        case ("trials", let folder?): try Restart.trials(in: folder)
        case ("restore", let file?): try Restart.restore(file)
        case ("write", let file?): try write(to: file, batch: arguments.last.flatMap(Int.init) ?? 1)
        default:
            print(
                "usage: JournalSpeed rates FOLDER | million FOLDER | trials FOLDER | restore FILE | write FILE BATCH"
            )
            exit(64)
        }
    }

    /// Appends batches for ever; each line on stdout is the number of steps that are safe.
    private static func write(to file: String, batch: Int) throws {
        var study = BusyStudy.child()
        let journal = try Journal.create(at: file, engine: study.engine)
        var written = 0
        while true {
            try journal.append(study.next(batch), engine: study.engine)
            written += batch
            FileHandle.standardOutput.write(Data("\(written)\n".utf8))
        }
    }
}

/// A new path in the folder, with nothing left of earlier runs.
func freshFile(_ name: String, in folder: String) -> String {
    let path = "\(folder)/\(name).sqlite"
    for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    return path
}

func seconds(_ work: () throws -> Void) rethrows -> Double {
    let took = try ContinuousClock().measure(work)
    return Double(took.components.seconds) + Double(took.components.attoseconds) * 1e-18
}
