/// Everything that one pass over a few sequences writes, in one block of memory that is used again and
/// again. `rows` is tokens: sequences · context.
struct Activations {
    struct Block {
        /// The residual stream before the block; after attention: `middle`.
        let input: Floats
        let norm1: Floats
        let moments1: Floats
        let qkv: Floats
        let attentionWeights: Floats
        let attended: Floats
        let middle: Floats
        let norm2: Floats
        let moments2: Floats
        /// The MLP's inside before GELU; then GELU's slope there.
        let wide: Floats
        let gelu: Floats
        /// What dropout multiplies the two branches by: 0 or 1 / kept share.
        let mask1: Floats
        let mask2: Floats
    }

    let blocks: [Block]
    let embeddingMask: Floats
    /// The residual stream after the last block.
    let output: Floats
    let norm: Floats
    let moments: Floats
    /// Logits; then their gradient.
    let logits: Floats

    /// Scratch of the way back: gradients of the residual stream, of a branch, of wide and qkv rows, of
    /// attention scores of one head.
    let dstream: Floats
    let dbranch: Floats
    let dwide: Floats
    let dqkv: Floats
    let dscores: Floats

    private let memory: FloatBuffer?

    init(_ shape: Architecture, sequences: Int) throws(OutOfMemory) {
        let size = Activations(shape, sequences: sequences, memory: nil).size
        self.init(shape, sequences: sequences, memory: try FloatBuffer(count: size))
    }

    private let size: Int

    private init(_ shape: Architecture, sequences: Int, memory: FloatBuffer?) {
        var arena = Arena(base: memory?.start)
        let rows = sequences * shape.context
        let line = rows * shape.width
        let square = shape.context * Attention.rowStride(length: shape.context)
        func block() -> Block {
            Block(
                input: arena.take(line), norm1: arena.take(line), moments1: arena.take(2 * rows),
                qkv: arena.take(3 * line), attentionWeights: arena.take(sequences * shape.heads * square),
                attended: arena.take(line), middle: arena.take(line), norm2: arena.take(line),
                moments2: arena.take(2 * rows), wide: arena.take(4 * line), gelu: arena.take(4 * line),
                mask1: arena.take(line), mask2: arena.take(line))
        }
        blocks = (0..<shape.layers).map { _ in block() }
        embeddingMask = arena.take(line)
        output = arena.take(line)
        norm = arena.take(line)
        moments = arena.take(2 * rows)
        logits = arena.take(rows * Architecture.vocabulary)
        dstream = arena.take(line)
        dbranch = arena.take(line)
        dwide = arena.take(4 * line)
        dqkv = arena.take(3 * line)
        dscores = arena.take(square)
        size = arena.used
        self.memory = memory
    }

    /// The residual stream before block `index`, or after the last.
    func stream(_ index: Int) -> Floats { index < blocks.count ? blocks[index].input : output }
}
