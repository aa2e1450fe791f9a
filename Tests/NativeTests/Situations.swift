import FleetModel
import FoundationEssentials
import Glibc
import Testing

@testable import native

extension Architecture {
    /// Small enough for finite differences, with everything that a big one has.
    static let tiny = Architecture(layers: 2, width: 16, heads: 2, context: 12, tied: false)
}

extension Corpus {
    /// Text with a pattern that can be learnt, and noise.
    static func letters(_ count: Int = 6000) -> Corpus {
        var generator = SeededGenerator(seed: 5)
        let text = (0..<count).map { place in
            place % 3 == 0 ? UInt8.random(in: 97...104, using: &generator) : UInt8(97 + place % 7)
        }
        return Corpus(files: [text], validationShare: 0.2)
    }
}

extension Training {
    static func small(
        _ shape: Architecture = .tiny, hyper: Hyperparameters = Hyperparameters(batchSize: 4),
        steps: Int = 20,
        seed: UInt64 = 1, threads: Int = 1
    ) throws -> Training {
        try Training(shape, hyper: hyper, corpus: .letters(), steps: steps, seed: seed, threads: threads)
    }

    /// Losses of the next steps.
    func losses(_ count: Int) -> [Double] { (0..<count).map { _ in step().loss } }
}

/// A replica whose parameters are all random and large enough for finite differences.
func randomReplica(_ shape: Architecture, seed: UInt64 = 3) throws -> (
    replica: Replica, layout: ParameterLayout
) {
    let layout = ParameterLayout(shape)
    let parameters = try Parameters(shape, layout: layout)
    var generator = SeededGenerator(seed: seed)
    for tensor in layout.tensors {
        let centre: Float = tensor.name.hasSuffix(".gain") ? 1 : 0
        for i in 0..<tensor.count {
            parameters.buffer.start[tensor.offset + i] = centre + Float(generator.unit() - 0.5) * 0.8
        }
    }
    return (try Replica(shape, layout: layout, parameters: parameters), layout)
}

/// A folder of its own for one test, removed after it.
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.path + "/native-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try body(folder)
}
