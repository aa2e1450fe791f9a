import FleetModel
import Foundation
import Spawn
import StudyCore

/// `on_finish` of a study file: a program that runs once, when the study has ended by itself.
struct Aftermath {
    /// A program and its arguments; empty: nothing.
    let command: [String]
    let folder: StudyFolder

    /// What stands in `on_finish.json`: written before the program starts, so that a second one never does.
    private struct Record: Codable {
        let command: [String]
        var outcome: String?
    }

    /// Runs it, unless it ran before. Its words go where ours go.
    /// - Returns: what is wrong with how it went, as a sentence.
    func run(after engine: Engine) -> String? {
        guard !command.isEmpty, case .ended(let ending) = engine.phase, ending != .stopped,
            !FileManager.default.fileExists(atPath: note)
        else { return nil }
        do {
            try write(Record(command: command))
            var program = Program(command)
            program.environment = [
                "ITERHPO_STUDY": engine.study.rawValue, "ITERHPO_STUDY_FOLDER": folder.path,
                "ITERHPO_OUTCOME": engine.phase.word,
            ]
            program.folder = engine.plan.trainer.baseFolder
            (program.output, program.errors, program.staysInGroup) = (2, 2, true)
            let status = try program.spawn().wait()
            try write(Record(command: command, outcome: "\(status)"))
            return status == .exit(0)
                ? nil : "on_finish: `\(command.joined(separator: " "))` ended with \(status)"
        } catch {
            try? write(Record(command: command, outcome: Text.fault(error)))
            return "on_finish: `\(command.joined(separator: " "))` could not be run: \(Text.fault(error))"
        }
    }

    private var note: String { folder.path + "/on_finish.json" }

    private func write(_ record: Record) throws {
        try ResultsJSON.encode(record).write(to: URL(fileURLWithPath: note), options: .atomic)
    }
}
