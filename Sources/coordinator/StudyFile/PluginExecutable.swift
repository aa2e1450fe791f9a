import FleetModel
import Foundation
import Search
import Spawn
import StudyCore
import Wire

/// A plugin on this machine, asked about a study before anything runs.
struct PluginExecutable {
    let path: String

    /// What went wrong between us and the plugin.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// The plugin `name` in `folder`, or in the agent's own.
    /// - Throws: a problem of the study file that names the plugins that are there.
    init(named name: String, in folder: String) throws(Problem) {
        let installed = Self.installed(in: folder)
        guard let found = installed.first(where: { $0.name == name }) else {
            let there = installed.map(\.name)
            throw Problem(
                at: ["trainer", "plugin"], found: "\"\(name)\"",
                expected: there.isEmpty
                    ? "a plugin, but there is none in \(folder)"
                    : "a plugin that is installed: \(there.joined(separator: ", "))",
                nearest: nearestName(to: name, among: there))
        }
        self = found
    }

    private init(path: String) { self.path = path }

    /// The plugins that come with iterhpo, as far as they stand in `folder`, sorted.
    static func names(in folder: String) -> [String] {
        ["command", "huggingface", "megatron", "native", "scripted"].filter {
            FileManager.default.isExecutableFile(atPath: folder + "/" + $0)
        }
    }

    /// The known plugins that stand in `folder`, and whatever stands in the folder for plugins of the agent's
    /// home, sorted by name; of one name the first.
    static func installed(in folder: String) -> [PluginExecutable] {
        let known = names(in: folder).map { folder + "/" + $0 }
        let environment = ProcessInfo.processInfo.environment
        let home = environment["ITERHPO_AGENT_HOME"] ?? (environment["HOME"] ?? "/root") + "/.iterhpo/agent"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: home + "/plugins")) ?? []
        let own = names.filter(FolderName.isSafe).map { "\(home)/plugins/\($0)" }
        var seen: Set<String> = []
        return (known + own).filter(FileManager.default.isExecutableFile).map(PluginExecutable.init(path:))
            .filter { seen.insert($0.name).inserted }.sorted { $0.name < $1.name }
    }

    /// What the plugin says of the plan: what is wrong with it, and what the plugin can do.
    func verdict(on plan: Plan) throws -> PluginVerdict {
        let check = PluginCheck(
            settings: plan.trainer.settings, baseFolder: plan.trainer.baseFolder,
            parameters: plan.space.kinds.map { name, kind in
                .init(
                    name: name,
                    kind: plan.space.parameters.first { $0.name == name }?.domain.asked ?? kind.asked)
            },
            needsCheckpoints: plan.needsCheckpoints)
        return try ask(PluginVerdict.self, ["check"], check)
    }

    /// What a run of `spec` would start in the trial folder `folder`.
    func explanation(of spec: RunSpec, folder: String) throws -> Explanation {
        try ask(Explanation.self, ["explain", folder], spec)
    }

    /// What the plugin says of itself.
    func introduction() throws -> (Hello, TrainerDescription) {
        let (hello, about) = try reply(TrainerDescription.self, ["describe"], nil as JSON?)
        return (hello, about)
    }

    private func ask<Answer: Decodable>(
        _ kind: Answer.Type, _ arguments: [String], _ question: some Encodable
    ) throws -> Answer {
        try reply(kind, arguments, question).answer
    }

    /// The hello, and the line after it.
    private func reply<Answer: Decodable>(
        _ kind: Answer.Type, _ arguments: [String], _ question: (some Encodable)?
    ) throws -> (hello: Hello, answer: Answer) {
        let said = try answer(arguments, to: try question.map { try Lines.encode($0) })
        var lines = said.split(separator: "\n").map(String.init)
        while let line = lines.first, try Hello.read(line) == nil { lines.removeFirst() }
        if lines.isEmpty, said.hasPrefix(name + ": ") {
            throw Failure(description: said.trimmingCharacters(in: .whitespacesAndNewlines))
        }
        guard lines.count >= 2, let hello = try Hello.read(lines[0]) else {
            throw Failure(
                description: "\(path) did not answer `\(arguments[0])`; it said: \(said.suffix(500))")
        }
        return (hello, try Lines.decode(kind, from: Data(lines[1].utf8)))
    }

    var name: String { URL(fileURLWithPath: path).lastPathComponent }

    /// What the plugin says on both its outputs; it reads its question, where there is one, to the end before
    /// it speaks.
    private func answer(_ arguments: [String], to input: Data?) throws -> String {
        try Program([path] + arguments).capture(input.map(Array.init), withErrors: true).text
    }
}

extension Domain {
    /// A list of numbers asks for a parameter that takes numbers.
    fileprivate var asked: PluginCheck.Kind {
        guard case .categorical(let choices) = self, choices.allSatisfy({ $0.number != nil }) else {
            return kind.asked
        }
        let areWhole = choices.allSatisfy { if case .int = $0 { true } else { false } }
        return areWhole ? .int : .float
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
