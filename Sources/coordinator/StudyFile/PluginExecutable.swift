import FleetModel
import Foundation
import Search
import StudyCore
import Wire

/// A plugin on this machine, asked about a study before anything runs.
struct PluginExecutable {
    let path: String

    /// What went wrong between us and the plugin.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// The plugin `name` in `folder`.
    /// - Throws: a problem of the study file that names the plugins that are there.
    init(named name: String, in folder: String) throws(Problem) {
        let there = Self.names(in: folder)
        guard there.contains(name) else {
            throw Problem(
                at: ["trainer", "plugin"], found: "\"\(name)\"",
                expected: there.isEmpty
                    ? "a plugin, but there is none in \(folder)"
                    : "a plugin that is installed: \(there.joined(separator: ", "))",
                nearest: nearestName(to: name, among: there))
        }
        path = folder + "/" + name
    }

    /// The known plugins that stand in `folder`, sorted.
    static func names(in folder: String) -> [String] {
        ["command", "huggingface", "megatron", "native", "scripted"].filter {
            FileManager.default.isExecutableFile(atPath: folder + "/" + $0)
        }
    }

    /// What the plugin says of the plan: what is wrong with it, and what the plugin can do.
    func verdict(on plan: Plan) throws -> PluginVerdict {
        let check = PluginCheck(
            settings: plan.trainer.settings, baseFolder: plan.trainer.baseFolder,
            parameters: plan.space.kinds.map { .init(name: $0.name, kind: $0.kind.asked) },
            needsCheckpoints: plan.method.stageCount > 1)
        let said = try answer(to: check)
        var lines = said.split(separator: "\n").map(String.init)
        while let line = lines.first, try Hello.read(line) == nil { lines.removeFirst() }
        guard lines.count >= 2 else {
            throw Failure(description: "\(path) did not answer `check`; it said: \(said.suffix(500))")
        }
        return try Lines.decode(PluginVerdict.self, from: Data(lines[1].utf8))
    }

    /// What the plugin says on both its outputs; it reads its question to the end before it speaks.
    private func answer(to check: PluginCheck) throws -> String {
        let process = Process()
        let (question, answer) = (Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = ["check"]
        process.standardInput = question
        process.standardOutput = answer
        process.standardError = answer
        try process.run()
        try question.fileHandleForWriting.write(contentsOf: try Lines.encode(check))
        try question.fileHandleForWriting.close()
        let bytes = try answer.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Domain.Kind {
    fileprivate var asked: PluginCheck.Kind {
        switch self {
        case .float: .float
        case .int: .int
        case .categorical: .categorical
        }
    }
}
