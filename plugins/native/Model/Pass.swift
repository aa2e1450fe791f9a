/// One way forward and back through the model for a few sequences, in the activations of a replica.
struct Pass {
    private let shape: Architecture
    private let parameters: Parameters
    private let gradient: Parameters
    private let activations: Activations
    private let windows: Windows
    private let attention: Attention

    /// Tokens.
    let rows: Int

    init(replica: Replica, windows: Windows) {
        shape = replica.shape
        parameters = replica.parameters
        gradient = replica.gradient
        activations = replica.activations
        self.windows = windows
        attention = Attention(heads: shape.heads, width: shape.width, length: shape.context)
        rows = windows.starts.count * shape.context
    }

    private var width: Int { shape.width }
    private var logits: Matrix { Matrix(activations.logits, rows, Architecture.vocabulary) }

    /// Calls `body` with each row and the place of its token in the text.
    private func eachToken(_ body: (_ row: Int, _ place: Int) -> Void) {
        var row = 0
        for start in windows.starts {
            for offset in 0..<shape.context {
                body(row, start + offset)
                row += 1
            }
        }
    }

    /// Calls `body` with the offset of each sequence's first row and of its attention weights.
    private func eachSequence(_ body: (_ row: Int, _ weights: Int) -> Void) {
        let square = shape.heads * shape.context * Attention.rowStride(length: shape.context)
        for sequence in 0..<windows.starts.count { body(sequence * shape.context, sequence * square) }
    }
}

// MARK: - Forward

extension Pass {
    /// Fills the activations up to the logits.
    func forward(isMasked: Bool) {
        embed(isMasked: isMasked)
        for index in 0..<shape.layers { forward(block: index, isMasked: isMasked) }
        parameters.norm.forward(
            activations.output, rows: rows, into: activations.norm, moments: activations.moments)
        let head = Matrix(parameters.head, Architecture.vocabulary, width)
        multiply(Matrix(activations.norm, rows, width), head.transposed, into: logits)
    }

    private func embed(isMasked: Bool) {
        let stream = activations.stream(0)
        eachToken { row, place in
            let token = parameters.tokens + Int(windows.text[place]) * width
            let position = parameters.positions + row % shape.context * width
            for i in stride(from: 0, to: width, by: 8) {
                stream[lanes: row * width + i] = token[lanes: i] + position[lanes: i]
            }
        }
        if isMasked { scale(stream, by: activations.embeddingMask, count: rows * width) }
    }

    private func forward(block index: Int, isMasked: Bool) {
        let (model, state) = (parameters.blocks[index], activations.blocks[index])
        model.norm1.forward(state.input, rows: rows, into: state.norm1, moments: state.moments1)
        model.attentionInput.forward(state.norm1, rows: rows, into: state.qkv)
        eachSequence { row, weights in
            attention.forward(
                qkv: state.qkv + 3 * row * width, weights: state.attentionWeights + weights,
                into: state.attended + row * width)
        }
        branch(
            model.attentionOutput, state.attended, onto: state.input, mask: isMasked ? state.mask1 : nil,
            into: state.middle)
        model.norm2.forward(state.middle, rows: rows, into: state.norm2, moments: state.moments2)
        model.up.forward(state.norm2, rows: rows, into: state.wide)
        gelu(state.wide, count: 4 * rows * width, into: state.gelu)
        branch(
            model.down, state.gelu, onto: state.middle, mask: isMasked ? state.mask2 : nil,
            into: activations.stream(index + 1))
    }

    /// y = residual + mask · layer(x)
    private func branch(_ layer: Linear, _ x: Floats, onto residual: Floats, mask: Floats?, into y: Floats) {
        guard let mask else {
            layer.forward(x, rows: rows, into: y, residual: residual)
            return
        }
        layer.forward(x, rows: rows, into: y)
        multiplyAdd(y, mask, residual, count: rows * width, into: y)
    }

    /// The sum of all tokens' cross-entropies in nats. Replaces the logits by their gradient, times `scale`.
    func crossEntropies(scale: Float) -> Double {
        var total = 0.0
        eachToken { row, place in
            let row = activations.logits + row * Architecture.vocabulary
            let target = Int(windows.text[place + 1])
            total += Double(crossEntropy(row, width: Architecture.vocabulary, target: target, scale: scale))
        }
        return total
    }
}

// MARK: - Backward

extension Pass {
    /// Adds to the gradient, from that of the logits.
    func backward(isMasked: Bool) {
        let stream = activations.dstream
        backwardHead()
        stream.update(repeating: 0, count: rows * width)
        parameters.norm.backward(
            activations.dbranch, x: activations.output, moments: activations.moments, rows: rows,
            gradient: gradient.norm, addingTo: stream)
        for index in (0..<shape.layers).reversed() { backward(block: index, isMasked: isMasked) }
        if isMasked { scale(stream, by: activations.embeddingMask, count: rows * width) }
        backwardEmbedding()
    }

    private func backwardHead() {
        let head = Matrix(parameters.head, Architecture.vocabulary, width)
        let dhead = Matrix(gradient.head, Architecture.vocabulary, width)
        multiply(logits.transposed, Matrix(activations.norm, rows, width), into: dhead, keep: 1)
        multiply(logits, head, into: Matrix(activations.dbranch, rows, width))
    }

    private func backwardEmbedding() {
        eachToken { row, place in
            let token = gradient.tokens + Int(windows.text[place]) * width
            let position = gradient.positions + row % shape.context * width
            for i in stride(from: 0, to: width, by: 8) {
                let given = activations.dstream[lanes: row * width + i]
                token[lanes: i] += given
                position[lanes: i] += given
            }
        }
    }

    private func backward(block index: Int, isMasked: Bool) {
        let (model, given, state) = (
            parameters.blocks[index], gradient.blocks[index], activations.blocks[index]
        )
        let (stream, branch, wide) = (activations.dstream, activations.dbranch, activations.dwide)

        let dmlp = masked(stream, by: isMasked ? state.mask2 : nil)
        model.down.backward(dmlp, x: state.gelu, rows: rows, gradient: given.down, into: wide)
        scale(wide, by: state.wide, count: 4 * rows * width)
        model.up.backward(wide, x: state.norm2, rows: rows, gradient: given.up, into: branch)
        model.norm2.backward(
            branch, x: state.middle, moments: state.moments2, rows: rows, gradient: given.norm2,
            addingTo: stream)

        let dattention = masked(stream, by: isMasked ? state.mask1 : nil)
        model.attentionOutput.backward(
            dattention, x: state.attended, rows: rows, gradient: given.attentionOutput, into: wide)
        eachSequence { row, weights in
            attention.backward(
                dy: wide + row * width, qkv: state.qkv + 3 * row * width,
                weights: state.attentionWeights + weights, scores: activations.dscores,
                into: activations.dqkv + 3 * row * width)
        }
        model.attentionInput.backward(
            activations.dqkv, x: state.norm1, rows: rows, gradient: given.attentionInput, into: branch)
        model.norm1.backward(
            branch, x: state.input, moments: state.moments1, rows: rows, gradient: given.norm1,
            addingTo: stream)
    }

    /// `stream` itself, or times the mask in the branch's room.
    private func masked(_ stream: Floats, by mask: Floats?) -> Floats {
        guard let mask else { return stream }
        activations.dbranch.update(from: stream, count: rows * width)
        scale(activations.dbranch, by: mask, count: rows * width)
        return activations.dbranch
    }
}
