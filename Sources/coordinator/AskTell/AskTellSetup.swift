import FleetModel
import Search
import StudyCore

/// What an ask/tell study is made of; it never changes.
struct AskTellSetup {
    let file: SpaceFile
    let sampler: Chosen<SamplerKind>
    let pruner: Chosen<PrunerKind>
    let seed: UInt64
    /// So many fit into a reply of 1 MiB, whatever their values are.
    let mostTrialsAtOnce: Int

    init(file: SpaceFile, sampler: Chosen<SamplerKind>, pruner: Chosen<PrunerKind>, seed: UInt64) {
        self.file = file
        self.sampler = sampler
        self.pruner = pruner
        self.seed = seed
        let bytes = file.space.parameters.reduce(100) { sum, parameter in
            sum + JSONWriter.bytes(of: parameter.name) + 4 + parameter.domain.mostBytes
        }
        mostTrialsAtOnce = max(1, (1 << 20) / bytes)
    }

    /// By the names and options that a user gives.
    init(
        _ file: SpaceFile, sampler: String, samplerOptions: [String], pruner: String, prunerOptions: [String],
        seed: UInt64
    ) throws {
        self.init(
            file: file,
            sampler: try Chosen(
                "sampler", name: sampler, options: samplerOptions, among: Choices.samplers,
                .init(file: file, seed: seed)),
            pruner: try Chosen(
                "pruner", name: pruner, options: prunerOptions, among: Choices.pruners,
                .init(file: file, seed: seed)),
            seed: seed)
    }

    var space: Space { file.space }
    var objectives: [Objective] { file.objectives }
    var maxStep: Int? { file.maxStep }

    /// Of the one objective that reports are about.
    var direction: Direction { objectives[0].direction }

    /// Where samplers compare losses of trials that run: where the pruner does, or at every third power.
    var rungs: [Int] {
        if !pruner.value.rungs.isEmpty { return pruner.value.rungs }
        guard let last = file.maxStep else { return [] }
        let powers = sequence(first: file.minStep ?? 1) { step in
            let (next, overflow) = step.multipliedReportingOverflow(by: 3)
            return overflow ? nil : next
        }
        return Array(powers.prefix { $0 < last })
    }
}

extension Domain {
    /// Of a value, written.
    fileprivate var mostBytes: Int {
        guard case .categorical(let choices) = self else { return 25 }
        return choices.map { JSONWriter.bytes(of: $0.description) }.max() ?? 0
    }
}

extension JSONWriter {
    /// Of a string, quoted.
    fileprivate static func bytes(of string: String) -> Int {
        var writer = JSONWriter()
        writer.write(string)
        return writer.text.utf8.count
    }
}
