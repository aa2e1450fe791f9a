import FleetModel

/// Dropout (Srivastava et al. 2014) of the embedding and of both branches of each block. The masks of a
/// sequence follow from `seed` and its place in the batch alone, so that they are the same however the
/// batch is divided among threads and passes.
struct Dropout {
    /// Share that is dropped, in [0, 1); rounded to 1/65536.
    let share: Double
    let seed: UInt64

    /// Writes the masks of `rows` tokens. Answers true, for the pass has masks.
    func fill(_ activations: Activations, _ shape: Architecture, rows: Int, firstSequence: Int) -> Bool {
        let part = shape.context * shape.width
        for sequence in 0..<(rows / shape.context) {
            var generator = SeededGenerator(seed: seed, stream: UInt64(firstSequence + sequence))
            fill(activations.embeddingMask + sequence * part, count: part, &generator)
            for block in activations.blocks {
                fill(block.mask1 + sequence * part, count: part, &generator)
                fill(block.mask2 + sequence * part, count: part, &generator)
            }
        }
        return true
    }

    /// Four elements for each draw; `count` is a multiple of eight.
    private func fill(_ mask: Floats, count: Int, _ generator: inout SeededGenerator) {
        let threshold = UInt64(share * 65536)
        let kept = 65536 / Float(65536 - threshold)
        for i in stride(from: 0, to: count, by: 4) {
            let bits = generator.next()
            for lane in 0..<4 {
                mask[i + lane] = (bits >> (16 * UInt64(lane))) & 0xFFFF < threshold ? 0 : kept
            }
        }
    }
}
