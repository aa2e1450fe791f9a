import Glibc

/// Causal attention with several heads (Vaswani et al. 2017) over one sequence.
struct Attention {
    let heads: Int
    let width: Int
    /// Tokens in a sequence.
    let length: Int

    /// Floats between rows of attention weights: `length` up to a whole number of lanes.
    static func rowStride(length: Int) -> Int { (length + 7) & ~7 }

    private var stride: Int { Self.rowStride(length: length) }
    private var headWidth: Int { width / heads }
    private var scale: Float { 1 / Float(headWidth).squareRoot() }

    /// A head's part of rows of `parts · width` floats: part 0 the queries, 1 the keys, 2 the values.
    private func slice(_ rows: Floats, head: Int, part: Int = 0, parts: Int = 1) -> Matrix {
        Matrix(rows + part * width + head * headWidth, length, headWidth, stride: parts * width)
    }

    /// Writes the `heads` matrices of attention weights to `weights`, and the attended values to `y`.
    /// `qkv` has a row of queries, keys and values, 3 · width floats, for each token.
    func forward(qkv: Floats, weights: Floats, into y: Floats) {
        for head in 0..<heads {
            let matrix = Matrix(weights + head * length * stride, length, length, stride: stride)
            let keys = slice(qkv, head: head, part: 1, parts: 3)
            multiply(slice(qkv, head: head, parts: 3), keys.transposed, into: matrix, scale: scale)
            for row in 0..<length { causalSoftmax(matrix.start + row * stride, seen: row + 1) }
            multiply(matrix, slice(qkv, head: head, part: 2, parts: 3), into: slice(y, head: head))
        }
    }

    /// Softmax over the first `seen` scores; the others become 0.
    private func causalSoftmax(_ row: Floats, seen: Int) {
        let whole = (seen + 7) & ~7
        for i in seen..<whole { row[i] = -.infinity }
        let (sum, _) = exponentiate(row, width: whole)
        let factor = 1 / sum
        for i in Swift.stride(from: 0, to: whole, by: 8) { row[lanes: i] *= factor }
        for i in Swift.stride(from: whole, to: stride, by: 8) { row[lanes: i] = .zero }
    }

    /// Writes the gradient of `qkv` to `dqkv`. `scores` is room for one matrix of weights.
    func backward(dy: Floats, qkv: Floats, weights: Floats, scores: Floats, into dqkv: Floats) {
        for head in 0..<heads {
            let matrix = Matrix(weights + head * length * stride, length, length, stride: stride)
            let given = slice(dy, head: head)
            let dscores = Matrix(scores, length, length, stride: stride)
            multiply(given, slice(qkv, head: head, part: 2, parts: 3).transposed, into: dscores)
            multiply(matrix.transposed, given, into: slice(dqkv, head: head, part: 2, parts: 3))
            for row in 0..<length {
                softmaxBackward(scores + row * stride, weights: matrix.start + row * stride, seen: row + 1)
            }
            let keys = slice(qkv, head: head, part: 1, parts: 3)
            multiply(dscores, keys, into: slice(dqkv, head: head, parts: 3), scale: scale)
            let dkeys = slice(dqkv, head: head, part: 1, parts: 3)
            multiply(dscores.transposed, slice(qkv, head: head, parts: 3), into: dkeys, scale: scale)
        }
    }

    /// Replaces the gradient of a row of weights by that of its scores.
    private func softmaxBackward(_ row: Floats, weights: Floats, seen: Int) {
        let whole = (seen + 7) & ~7
        var product = Lanes.zero
        for i in Swift.stride(from: 0, to: whole, by: 8) { product += row[lanes: i] * weights[lanes: i] }
        let mean = product.sum()
        for i in Swift.stride(from: 0, to: whole, by: 8) {
            row[lanes: i] = weights[lanes: i] * (row[lanes: i] - mean)
        }
        for i in Swift.stride(from: whole, to: stride, by: 8) { row[lanes: i] = .zero }
    }
}
