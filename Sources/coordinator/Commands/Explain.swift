import ArgumentParser
import FleetModel
import Foundation
import Search
import StudyCore
import Wire

/// `coordinator explain`: what a trial would start, without starting it.
struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Print exactly what a trial would start: arguments, environment, files. Nothing is started.",
        discussion: """
            Parameters that are not named take the middle of their range, and the answer says so.

            Example: coordinator explain deploy/studies/megatron-350m.yaml --params lr=1e-4,batch_size=64
            Of a later stage: … --from ~/runs/stage_0/ckpt --json
            """)

    @Argument(help: "The study file.")
    var study: String

    @Option(help: "Values of the trial's parameters: lr=1e-4,batch_size=64.")
    var params: [String] = []

    @Option(help: "GPUs of the trial, over all its nodes. Default: the study's.")
    var gpus: Int?

    @Option(help: "A checkpoint that the trial starts from, as a stage's trials do.")
    var from: String?

    @Option(help: "With --from: the trial's own step of that checkpoint; the trial goes on after a fault.")
    var resumeAt: Int?

    @Option(help: "Steps of the trial. Default: the study's, with its cooldown.")
    var steps: Int?

    @Option(help: "So many of the last steps cool the learning rate down. Default, with --steps: none.")
    var cooldown: Int?

    @Option(help: "Of a trial over several nodes: which of them is explained, from 0.")
    var nodeRank = 0

    @Option(help: "Nodes of the trial. Default: as many as the study's gpus_per_node makes.")
    var nodes: Int?

    @OptionGroup var local: LocalNodeOptions

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let plan = try CheckedStudy(at: study, plugins: local.pluginFolder).plan
        let trial = try Failure.asUsage { try ExplainedTrial(of: plan, self) }
        let explanation: Explanation
        do {
            let plugin = try PluginExecutable(named: plan.trainer.plugin, in: local.pluginFolder)
            explanation = try plugin.explanation(of: trial.spec, folder: trial.folder)
        } catch {
            throw Failure.failed("\(error)")
        }
        let answer = Answer(explanation, assumed: trial.assumed)
        if json { try ResultsJSON.print(answer) } else { print(answer.lines.joined(separator: "\n")) }
    }
}

extension Explain {
    /// The explanation, and what was assumed for it.
    struct Answer: Encodable {
        let argv: [String]
        let environment: [String: String]
        let workingFolder: String
        let before: [[String]]
        let files: [String: String?]
        let checkpoint: Explanation.CheckpointPlace?
        let notes: [String]
        /// Parameters that were not named, and the values taken for them.
        let assumed: Assignment

        init(_ explanation: Explanation, assumed: Assignment) {
            argv = explanation.argv
            environment = explanation.environment
            workingFolder = explanation.workingFolder
            before = explanation.before
            files = explanation.files
            checkpoint = explanation.checkpoint
            notes = explanation.notes
            self.assumed = assumed
        }

        var lines: [String] {
            let first = before.map { ["first, until it has ended with 0:"] + Self.shown($0) + [""] }
            let variables = environment.sorted { $0.key < $1.key }.map { "  \($0.key)=\($0.value)" }
            let saved = checkpoint.map { place in
                [
                    "", "last checkpoint", "  \(place.folder)/\(place.last)",
                    "  published as \(place.published)",
                ]
            }
            let remarks =
                assumed.sorted { $0.key < $1.key }.map { "assumed: \($0.key)=\($0.value)" }
                + notes.map { "note: \($0)" }
            return first.flatMap { $0 } + ["arguments"] + Self.shown(argv)
                + ["", "environment"] + variables + ["", "working folder", "  \(workingFolder)"]
                + (files.isEmpty ? [] : ["", "files written"] + files.keys.sorted().map { "  \($0)" })
                + (saved ?? []) + (remarks.isEmpty ? [] : [""] + remarks)
        }

        /// One line for each flag with its values; no shell's quoting, because none is involved.
        private static func shown(_ argv: [String]) -> [String] {
            var lines: [String] = []
            for word in argv {
                if word.hasPrefix("-") || lines.isEmpty {
                    lines.append("  " + word)
                } else {
                    lines[lines.count - 1] += " " + word
                }
            }
            return lines
        }
    }
}

/// The run that is explained: the first trial of a stage, in the folder that an agent of this machine would
/// give it.
struct ExplainedTrial {
    let spec: RunSpec
    let folder: String
    let assumed: Assignment

    init(of plan: Plan, _ options: Explain) throws {
        let named = try Self.values(options.params, for: plan.space)
        let middle = plan.space.parameters.filter { named[$0.name] == nil }
        assumed = Dictionary(uniqueKeysWithValues: middle.map { ($0.name, $0.domain.middle) })
        let searched = plan.space.active(named.merging(assumed) { named, _ in named })
        let run = RunID(trial: TrialID(stage: options.from == nil ? 0 : 1, number: 0), attempt: 0)
        guard let study = StudyID(rawValue: plan.name) else { throw ValidationError("the study has no name") }
        let nodes = try Self.nodes(plan.resources, options)
        let gpus = options.gpus ?? plan.resources.gpusPerNode * nodes
        guard gpus % nodes == 0, gpus > 0 else {
            throw ValidationError("found --gpus \(gpus) on \(nodes) nodes, expected a multiple of \(nodes)")
        }
        let usual = plan.method.score.rule(before: plan.method.stageCount - 1).cooldown(
            after: plan.method.steps)
        let steps = options.steps ?? plan.method.steps + (options.cooldown ?? usual)
        let cooldown = options.cooldown ?? (options.steps == nil ? usual : 0)
        guard steps > 0, (0..<steps).contains(cooldown) else {
            throw ValidationError(
                "found --steps \(steps) and --cooldown \(cooldown), expected fewer steps to cool down than there are"
            )
        }
        spec = RunSpec(
            key: RunKey(study: study, run: run), plugin: plan.trainer.plugin, settings: plan.trainer.settings,
            assignment: plan.space.completed(searched), start: Self.start(options), steps: steps,
            cooldown: cooldown, metric: plan.objective.metric, seed: plan.seed,
            slots: (0..<gpus / nodes).map { .gpu(index: $0) },
            gang: nodes == 1
                ? nil
                : Gang(nodes: nodes, rank: options.nodeRank, masterAddress: "node-0", masterPort: 29500),
            silenceSeconds: plan.trainer.silenceSeconds, graceSeconds: plan.trainer.graceSeconds,
            baseFolder: plan.trainer.baseFolder)
        folder =
            "\(options.local.explainedHome)/runs/\(study)/stage_\(run.trial.stage)/trial_0/run_0"
    }

    private static func start(_ options: Explain) -> RunSpec.Start {
        guard let from = options.from else { return .fresh }
        let path = URL(fileURLWithPath: NSString(string: from).expandingTildeInPath).path
        return options.resumeAt.map { .resume(from: path, step: $0) } ?? .warm(from: path)
    }

    private static func nodes(_ resources: Resources, _ options: Explain) throws -> Int {
        let nodes = options.nodes ?? max(1, (options.gpus ?? resources.gpus) / resources.gpusPerNode)
        guard nodes > 0, (0..<nodes).contains(options.nodeRank) else {
            throw ValidationError(
                "found --node-rank \(options.nodeRank) of \(nodes) nodes, expected 0 to \(max(1, nodes) - 1)")
        }
        return nodes
    }

    /// `lr=1e-4,batch_size=64`, as the space writes them; values outside of the space are allowed here.
    private static func values(_ texts: [String], for space: Space) throws -> Assignment {
        let derived = space.derived.map(\.name)
        var values: Assignment = [:]
        for text in texts.flatMap({ $0.split(separator: ",") }) {
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            let known = space.parameters.map(\.name)
            guard parts.count == 2 else {
                throw ValidationError("found \"\(text)\" in --params, expected NAME=VALUE")
            }
            guard let parameter = space.parameters.first(where: { $0.name == parts[0] }) else {
                let why = derived.contains(parts[0]) ? "; \(parts[0]) follows from the others" : ""
                throw ValidationError(
                    "found \(parts[0]) in --params, expected one of \(known.joined(separator: ", "))\(why)")
            }
            guard let value = parameter.domain.value(parts[1]) else {
                throw ValidationError("found \(parts[0])=\(parts[1]), expected \(parameter.domain)")
            }
            values[parts[0]] = value
        }
        return values
    }
}

extension Space {
    /// The values of the parameters that are active among them.
    fileprivate func active(_ assignment: Assignment) -> Assignment {
        let names = Set(active(in: assignment).map(\.name))
        return assignment.filter { names.contains($0.key) }
    }
}

extension Domain {
    /// A value as a person writes it.
    fileprivate func value(_ text: String) -> ParameterValue? {
        switch self {
        case .float: Double(text).map { .float($0) }
        case .int: Double(text).flatMap { Int(exactly: $0) }.map { .int($0) }
        case .categorical(let choices): choices.first { $0.description == text }
        }
    }

    /// The middle of the range, in the logarithm where that is how its values are spread.
    fileprivate var middle: ParameterValue {
        switch self {
        case .float(let low, let high, .log): .float((low * high).squareRoot())
        case .float(let low, let high, .step(let step)):
            .float(low + ((high - low) / step / 2).rounded(.down) * step)
        case .float(let low, let high, .linear): .float(low + (high - low) / 2)
        case .int(let low, let high, .log): .int(Int((Double(low) * Double(high)).squareRoot().rounded()))
        case .int(let low, let high, .step(let step)):
            .int(low + Int(((Double(high) - Double(low)) / step / 2).rounded(.down) * step))
        case .int(let low, let high, .linear): .int(low + (high - low) / 2)
        case .categorical(let choices): choices[0]
        }
    }
}
