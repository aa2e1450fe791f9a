import ArgumentParser
import FleetModel
import Foundation
import Spawn
import StudyCore

/// `coordinator start --detach`: the same command in a session of its own, its words in a log.
struct Detachment {
    private let name: String
    private let folder: StudyFolder

    init(of file: StudyFile, in folder: StudyFolder) {
        name = file.plan.name
        self.folder = folder
    }

    /// Returns once the study runs, or with what its beginning said where it does not.
    func begin() async throws {
        guard !folder.isLocked else {
            throw Failure.usage(
                "a coordinator runs \(name) already; `coordinator watch \(folder.path)` shows it")
        }
        try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
        let log = folder.path + "/coordinator.log"
        let output = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard output >= 0 else { throw Failure.failed("\(log): \(String(cString: strerror(errno)))") }
        defer { close(output) }
        let before = lseek(output, 0, SEEK_END)
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
        var program = Program(
            [CommandLine.arguments[0]] + CommandLine.arguments.dropFirst().filter { $0 != "--detach" }
                + ["--plain"])
        program.executable = own
        (program.output, program.errors, program.leadsSession) = (output, output, true)
        let child = try program.spawn()
        while !folder.isLocked {
            if let status = child.endIfOver() {
                let said = try? FileHandle(forReadingFrom: URL(fileURLWithPath: log))
                try said?.seek(toOffset: UInt64(before))
                let words = String(decoding: try said?.readToEnd() ?? Data(), as: UTF8.self)
                if status == .exit(0) { return print(words) }
                let fault = words.trimmingCharacters(in: .whitespacesAndNewlines)
                throw status == .exit(2) ? Failure.usage(fault) : Failure.failed(fault)
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        print(
            "\(name) runs in the background (process \(child.pid)); its words are in \(log)\n"
                + "  coordinator watch \(folder.path)   shows it\n"
                + "  coordinator stop \(folder.path)    pauses it")
    }
}
