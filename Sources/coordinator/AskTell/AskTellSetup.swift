import FleetModel
import Search
import StudyCore

/// What an ask/tell study is made of; it never changes.
struct AskTellSetup {
    let file: SpaceFile
    let sampler: Chosen<SamplerKind>
    let pruner: Chosen<PrunerKind>
    let seed: UInt64

    var space: Space { file.space }
    var objectives: [Objective] { file.objectives }
    var maxStep: Int? { file.maxStep }

    /// Of the one objective that reports are about.
    var direction: Direction { objectives[0].direction }

    /// Where samplers compare losses of trials that run: the rungs of successive halving.
    var rungs: [Int] {
        guard let last = file.maxStep else { return [] }
        let factor = Int(pruner.options["eta"] ?? 3)
        return Array(sequence(first: file.minStep ?? 1) { $0 * factor }.prefix { $0 < last })
    }

    /// So many fit into a reply of 1 MiB, whatever their values are.
    var mostTrialsAtOnce: Int {
        let bytes = space.parameters.reduce(100) { sum, parameter in
            sum + JSONWriter.bytes(of: parameter.name) + 4 + parameter.domain.mostBytes
        }
        return max(1, (1 << 20) / bytes)
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
