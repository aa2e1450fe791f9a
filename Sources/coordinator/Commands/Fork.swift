import ArgumentParser
import FleetModel
import Foundation
import StudyCore

/// `coordinator fork`: another study that shares the first stages of one.
struct Fork: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Begin a new study from a stage of an old one.",
        discussion: """
            Example: coordinator fork study.yaml --at-stage 3 --name wider

            Writes wider.yaml beside study.yaml, the same but for its name and `start_from`, and starts it: its \
            stages 0 to 2 are the old study's, from stage 3 on it is its own. With --only-write you can change the \
            file first: everything but the trainer's plugin may differ. The old study stays as it is.
            """)

    @OptionGroup var options: StudyFileOptions
    @OptionGroup var local: LocalNodeOptions

    @Option(help: "The first stage of the new study's own, from 1.")
    var atStage: Int

    @Option(help: "The new study's name.")
    var name: String

    @Flag(help: "Write the study file, and do not start it.")
    var onlyWrite = false

    @Flag(help: "Print lines instead of the live view, also on a terminal.")
    var plain = false

    @Flag(help: "Print the final status as JSON, and nothing else on stdout.")
    var json = false

    func run() async throws {
        guard FolderName.isSafe(name) else {
            throw Failure.usage(
                "--name \(name): expected letters, digits, - _ and ., not starting with a dot")
        }
        let file = try Failure.asUsage { try StudyFile(at: options.study) }
        let old = try options.existingFolder()
        let path = URL(fileURLWithPath: options.study).deletingLastPathComponent().appending(
            path: name + ".yaml"
        ).path
        guard !FileManager.default.fileExists(atPath: path) else {
            throw Failure.usage("\(path) is already there and was not touched: give another --name")
        }
        _ = try StartFrom(study: old, stage: atStage).ancestry(for: file.plan)
        let text = try String(contentsOfFile: options.study, encoding: .utf8)
        try Data(rewritten(text, from: old.path).utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        try check(path)
        if onlyWrite { return print("\(path)\nchange it, then: coordinator start \(path)") }
        var arguments = [path, "--plugins", local.pluginFolder, "--agent", local.agentPath]
        if let home = local.agentHome ?? old.agentHome { arguments += ["--agent-home", home] }
        try await Start.parse(arguments + (plain ? ["--plain"] : []) + (json ? ["--json"] : [])).run()
    }

    /// The old file with the new name and the place to start from; comments and all else stay.
    private func rewritten(_ text: String, from old: String) -> String {
        let lines = text.components(separatedBy: "\n").filter { !$0.hasPrefix("start_from:") }
        let named = lines.map { $0.hasPrefix("name:") ? "name: \(name)" : $0 }
        let place = ParameterValue.string(old).python
        return named.joined(separator: "\n").trimmingCharacters(in: .newlines)
            + "\nstart_from: { study: \(place), stage: \(atStage) }\n"
    }

    /// A study file that writes its name in another way than one line `name: …` is not rewritten.
    private func check(_ path: String) throws {
        let file = try? StudyFile(at: path)
        guard file?.plan.name == name, file?.startFrom?.stage == atStage else {
            try? FileManager.default.removeItem(atPath: path)
            throw Failure.failed(
                "\(options.study) is written in a way that cannot be rewritten: copy it by hand, with "
                    + "`name: \(name)` and `start_from: { study: …, stage: \(atStage) }`")
        }
    }
}
