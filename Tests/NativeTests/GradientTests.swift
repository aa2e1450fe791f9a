import FleetModel
import Testing

@testable import native

/// The hand-written way back against central differences, element by element.
struct GradientTests {
    private let text: [UInt8] = Array("to be, or not to be, that is the question: whether 'tis nobler".utf8)

    private func windows(_ starts: [Int] = [0, 17, 30]) -> Windows {
        Windows(text: text, starts: starts[...])
    }

    /// The greatest fault among some elements of each tensor, as a share of the tensor's largest gradient.
    private func worstFaults(_ shape: Architecture, dropout: Dropout?) throws -> [String: Double] {
        let (replica, layout) = try randomReplica(shape)
        let scale = Float(1) / Float(3 * shape.context)
        func loss() -> Double {
            replica.learn(windows(), scale: scale, dropout: dropout, firstSequence: 0) * Double(scale)
        }
        replica.gradient.buffer.clear()
        _ = loss()
        let gradient = Array(UnsafeBufferPointer(start: replica.gradient.buffer.start, count: layout.count))
        var generator = SeededGenerator(seed: 11)
        var faults: [String: Double] = [:]
        for tensor in layout.tensors {
            let part = gradient[tensor.offset..<tensor.offset + tensor.count]
            let largest = Double(part.map(abs).max() ?? 0)
            let sample = elements(of: part, &generator)
            let worst = sample.map {
                abs(slope(replica.parameters.buffer.start + $0, loss) - Double(gradient[$0]))
            }
            faults[tensor.name] = (worst.max() ?? 0) / max(largest, 1e-9)
        }
        return faults
    }

    /// The place of the largest element and of eleven others.
    private func elements(of part: ArraySlice<Float>, _ generator: inout SeededGenerator) -> [Int] {
        let largest = part.indices.max { abs(part[$0]) < abs(part[$1]) }
        return [largest ?? part.startIndex] + part.indices.shuffled(using: &generator).prefix(11)
    }

    /// The derivative of `loss` by `parameter`, from four points (error of fourth order).
    private func slope(_ parameter: UnsafeMutablePointer<Float>, _ loss: () -> Double) -> Double {
        let origin = parameter.pointee
        defer { parameter.pointee = origin }
        func at(_ distance: Float) -> Double {
            parameter.pointee = origin + distance
            return loss()
        }
        let step: Float = 0.01
        let near = at(step) - at(-step)
        let far = at(2 * step) - at(-2 * step)
        return (8 * near - far) / Double(12 * step)
    }

    @Test(arguments: [true, false])
    func `every kind of parameter has the gradient that finite differences show`(tied: Bool) throws {
        var shape = Architecture.tiny
        shape.tied = tied
        for (tensor, fault) in try worstFaults(shape, dropout: nil) {
            #expect(fault < 2e-3, "\(tensor)")
        }
    }

    @Test func `with dropout and a fixed mask the gradient is exact too`() throws {
        for (tensor, fault) in try worstFaults(.tiny, dropout: Dropout(share: 0.3, seed: 8)) {
            #expect(fault < 2e-3, "\(tensor)")
        }
    }

    @Test func `contexts that are no whole number of lanes are exact too`() throws {
        let shape = Architecture(layers: 1, width: 8, heads: 2, context: 13, tied: true)
        for (tensor, fault) in try worstFaults(shape, dropout: nil) {
            #expect(fault < 2e-3, "\(tensor)")
        }
    }

    @Test func `a batch in several passes has the gradient of one`() throws {
        let (replica, layout) = try randomReplica(Architecture(layers: 1, width: 16, heads: 2, context: 32))
        let count = replica.sequencesPerPass + 3
        let starts = (0..<count).map { $0 % 29 }
        replica.gradient.buffer.clear()
        let whole = replica.learn(windows(starts), scale: 1, dropout: nil, firstSequence: 0)
        let gradient = Array(UnsafeBufferPointer(start: replica.gradient.buffer.start, count: layout.count))
        replica.gradient.buffer.clear()
        let parts = starts.map { replica.learn(windows([$0]), scale: 1, dropout: nil, firstSequence: 0) }
        #expect(abs(parts.reduce(0, +) - whole) < 1e-3 * whole)
        for (i, value) in gradient.enumerated() {
            #expect(abs(replica.gradient.buffer.start[i] - value) <= 1e-3 * max(1, abs(value)))
        }
    }
}
