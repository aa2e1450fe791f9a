import FleetModel
import Glibc
import Testing

@testable import native

struct ModelTests {
    @Test func `the loss is that of a plain model in double precision`() throws {
        for tied in [true, false] {
            var shape = Architecture.tiny
            shape.tied = tied
            let (replica, layout) = try randomReplica(shape)
            let text = Array("the quick brown fox jumps over it".utf8)
            let loss = replica.loss(Windows(text: text, starts: [3, 9]))
            let plain = PlainModel(shape, layout, replica.parameters.buffer)
            let expected = plain.loss(text[3...15].map { Int($0) }) + plain.loss(text[9...21].map { Int($0) })
            #expect(abs(loss - expected) < 1e-4 * expected)
        }
    }

    @Test func `a token cannot see those after it`() throws {
        let (replica, _) = try randomReplica(.tiny)
        let text = Array("abcdefghijklm".utf8)
        func logits(_ text: [UInt8]) -> [Float] {
            let pass = Pass(replica: replica, windows: Windows(text: text, starts: [0]))
            pass.forward(isMasked: false)
            return Array(UnsafeBufferPointer(start: replica.activations.logits, count: 12 * 256))
        }
        var changed = text
        changed[7] = 0
        let (before, after) = (logits(text), logits(changed))
        #expect(before[..<(7 * 256)] == after[..<(7 * 256)])
        #expect(before[(7 * 256)...] != after[(7 * 256)...])
    }

    @Test func `the exponential is exact to a few units in the last place, and 0 far down`() {
        for x in stride(from: Float(-86), through: 86, by: 0.37) {
            let (found, expected) = (exponential(Lanes(repeating: x))[3], exp(Double(x)))
            #expect(abs(Double(found) - expected) < 4e-7 * expected)
        }
        #expect(exponential(Lanes(repeating: -.infinity))[0] == 0)
        #expect(exponential(Lanes(repeating: 0))[0] == 1)
    }

    @Test func `dropout keeps its share, scales what it keeps, and knows a sequence by its place`() throws {
        let shape = Architecture(layers: 1, width: 64, heads: 1, context: 64)
        func masks(from first: Int) throws -> [Float] {
            let activations = try Activations(shape, sequences: 2)
            _ = Dropout(share: 0.25, seed: 9).fill(activations, shape, rows: 128, firstSequence: first)
            return Array(UnsafeBufferPointer(start: activations.embeddingMask, count: 128 * 64))
        }
        let (mask, next) = try (masks(from: 0), masks(from: 1))
        #expect(Set(mask) == [0, Float(4) / 3])
        #expect(abs(Double(mask.count { $0 == 0 }) / Double(mask.count) - 0.25) < 0.02)
        #expect(mask[4096...] == next[..<4096])
        #expect(mask[..<4096] != mask[4096...])
    }
}

/// The same transformer written as its formulas stand, in double precision, one sequence at a time.
private struct PlainModel {
    typealias Row = [Double]
    let shape: Architecture
    let values: [String: Row]

    init(_ shape: Architecture, _ layout: ParameterLayout, _ buffer: FloatBuffer) {
        self.shape = shape
        values = Dictionary(
            uniqueKeysWithValues: layout.tensors.map { tensor in
                (tensor.name, (0..<tensor.count).map { Double(buffer.start[tensor.offset + $0]) })
            })
    }

    func loss(_ tokens: [Int]) -> Double {
        let (width, inputs) = (shape.width, tokens.dropLast())
        var rows = inputs.enumerated().map { place, token in
            (0..<width).map {
                self["embedding.tokens"][token * width + $0] + self["embedding.positions"][place * width + $0]
            }
        }
        for block in 0..<shape.layers { rows = apply("blocks.\(block)", rows) }
        let head = self[shape.tied ? "embedding.tokens" : "head.weight"]
        return zip(rows, tokens.dropFirst()).reduce(0) { sum, pair in
            let logits = product(head, norm("norm", pair.0))
            return sum + log(logits.reduce(0) { $0 + exp($1) }) - logits[pair.1]
        }
    }

    private func apply(_ name: String, _ rows: [Row]) -> [Row] {
        let qkv = rows.map { linear(name + ".attention.input", norm(name + ".norm1", $0)) }
        return rows.indices.map { t in
            let middle = sum(rows[t], linear(name + ".attention.output", attend(qkv, t)))
            let wide = linear(name + ".mlp.up", norm(name + ".norm2", middle)).map { x in
                0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
            }
            return sum(middle, linear(name + ".mlp.down", wide))
        }
    }

    private func attend(_ qkv: [Row], _ t: Int) -> Row {
        let size = shape.width / shape.heads
        return (0..<shape.heads).flatMap { head in
            let weights = (0...t).map { other in
                let dot = (0..<size).reduce(0.0) {
                    $0 + qkv[t][head * size + $1] * qkv[other][shape.width + head * size + $1]
                }
                return exp(dot / Double(size).squareRoot())
            }
            let total = weights.reduce(0, +)
            return (0..<size).map { i in
                zip(weights, qkv).reduce(0) { $0 + $1.0 * $1.1[2 * shape.width + head * size + i] } / total
            }
        }
    }

    private subscript(name: String) -> Row { values[name]! }

    private func norm(_ name: String, _ x: Row) -> Row {
        let mean = x.reduce(0, +) / Double(x.count)
        let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
        return x.indices.map {
            (x[$0] - mean) / (variance + 1e-5).squareRoot() * self[name + ".gain"][$0]
                + self[name + ".bias"][$0]
        }
    }

    private func linear(_ name: String, _ x: Row) -> Row {
        sum(product(self[name + ".weight"], x), self[name + ".bias"])
    }

    private func product(_ matrix: Row, _ x: Row) -> Row {
        (0..<matrix.count / x.count).map { row in
            x.indices.reduce(0) { $0 + matrix[row * x.count + $1] * x[$1] }
        }
    }

    private func sum(_ a: Row, _ b: Row) -> Row { zip(a, b).map(+) }
}
