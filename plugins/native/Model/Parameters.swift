import FleetModel
import Glibc

/// A flat buffer in the layout of an architecture, seen as the parts of a model: the parameters, or the
/// gradient of each.
struct Parameters {
    struct Block {
        let norm1: LayerNorm
        let attentionInput: Linear
        let attentionOutput: Linear
        let norm2: LayerNorm
        let up: Linear
        let down: Linear
    }

    let buffer: FloatBuffer
    let tokens: Floats
    let positions: Floats
    let blocks: [Block]
    let norm: LayerNorm
    /// The output layer, [vocabulary, width]; the token embedding where the two are tied.
    let head: Floats

    /// All zero.
    init(_ shape: Architecture, layout: ParameterLayout) throws(OutOfMemory) {
        let buffer = try FloatBuffer(count: layout.count)
        let places = Dictionary(
            uniqueKeysWithValues: layout.tensors.map { ($0.name, buffer.start + $0.offset) })
        func place(_ name: String) -> Floats {
            guard let place = places[name] else { preconditionFailure("the layout has no tensor \(name)") }
            return place
        }
        func layerNorm(_ name: String) -> LayerNorm {
            LayerNorm(gain: place(name + ".gain"), bias: place(name + ".bias"), width: shape.width)
        }
        func linear(_ name: String, _ inputs: Int, _ outputs: Int) -> Linear {
            Linear(
                weight: place(name + ".weight"), bias: place(name + ".bias"), inputs: inputs, outputs: outputs
            )
        }
        self.buffer = buffer
        tokens = place("embedding.tokens")
        positions = place("embedding.positions")
        blocks = (0..<shape.layers).map { "blocks.\($0)" }.map { name in
            Block(
                norm1: layerNorm(name + ".norm1"),
                attentionInput: linear(name + ".attention.input", shape.width, 3 * shape.width),
                attentionOutput: linear(name + ".attention.output", shape.width, shape.width),
                norm2: layerNorm(name + ".norm2"),
                up: linear(name + ".mlp.up", shape.width, 4 * shape.width),
                down: linear(name + ".mlp.down", 4 * shape.width, shape.width))
        }
        norm = layerNorm("norm")
        head = shape.tied ? tokens : place("head.weight")
    }
}

extension Parameters {
    /// A new model, as GPT-2 begins (Radford et al. 2019): matrices normal with deviation 0.02, those that
    /// write into the residual stream divided by √(2 · layers); gains 1, biases 0.
    func initialize(_ layout: ParameterLayout, layers: Int, generator: inout SeededGenerator) {
        for tensor in layout.tensors {
            let values = UnsafeMutableBufferPointer(start: buffer.start + tensor.offset, count: tensor.count)
            if tensor.name.hasSuffix(".gain") {
                values.update(repeating: 1)
            } else if tensor.decays {
                let isResidual =
                    tensor.name.hasSuffix("output.weight") || tensor.name.hasSuffix("down.weight")
                let deviation = isResidual ? 0.02 / (2 * Double(layers)).squareRoot() : 0.02
                for i in values.indices { values[i] = Float(deviation * generator.normal()) }
            }
        }
    }
}

extension SeededGenerator {
    /// Standard normal (Box, Muller 1958); draws two numbers.
    fileprivate mutating func normal() -> Double {
        let radius = (-2 * log(1 - unit())).squareRoot()
        return radius * cos(2 * .pi * unit())
    }
}
