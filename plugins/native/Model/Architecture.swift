/// The shape of a decoder-only transformer on bytes. Two checkpoints fit each other when this is equal.
struct Architecture: Hashable, Codable {
    var layers = 2
    /// Floats for each token; a multiple of eight and of `heads`.
    var width = 64
    var heads = 4
    /// Tokens in a sequence, the longest past that the model sees.
    var context = 64
    /// Whether the output layer uses the token embedding's weights.
    var tied = true

    /// One token for each byte.
    static let vocabulary = 256
}

/// One named parameter tensor and its place in the flat buffer of all.
struct Tensor: Hashable {
    let name: String
    let shape: [Int]
    /// First float in the buffer.
    let offset: Int

    var count: Int { shape.reduce(1, *) }

    /// Matrices decay; norms and biases do not.
    var decays: Bool { shape.count > 1 }
}

/// Where each parameter lies in a flat buffer. Gradients and optimiser moments have the same layout, so
/// that each of them is one block of memory.
struct ParameterLayout {
    private(set) var tensors: [Tensor] = []
    /// Floats in the whole buffer, a multiple of sixteen; those between tensors stay 0.
    private(set) var count = 0

    init(_ shape: Architecture) {
        let width = shape.width
        add("embedding.tokens", [Architecture.vocabulary, width])
        add("embedding.positions", [shape.context, width])
        for block in 0..<shape.layers {
            let name = "blocks.\(block)"
            addNorm(name + ".norm1", width)
            addLinear(name + ".attention.input", from: width, to: 3 * width)
            addLinear(name + ".attention.output", from: width, to: width)
            addNorm(name + ".norm2", width)
            addLinear(name + ".mlp.up", from: width, to: 4 * width)
            addLinear(name + ".mlp.down", from: 4 * width, to: width)
        }
        addNorm("norm", width)
        if !shape.tied { add("head.weight", [Architecture.vocabulary, width]) }
    }

    private mutating func add(_ name: String, _ shape: [Int]) {
        let tensor = Tensor(name: name, shape: shape, offset: count)
        tensors.append(tensor)
        count += (tensor.count + 15) & ~15
    }

    private mutating func addNorm(_ name: String, _ width: Int) {
        add(name + ".gain", [width])
        add(name + ".bias", [width])
    }

    private mutating func addLinear(_ name: String, from inputs: Int, to outputs: Int) {
        add(name + ".weight", [outputs, inputs])
        add(name + ".bias", [outputs])
    }
}
