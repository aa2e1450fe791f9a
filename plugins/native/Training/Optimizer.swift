import Glibc

/// Moves parameters along a gradient; keeps its moments in the parameters' layout.
struct Optimizer {
    let kind: OptimizerKind
    /// Mean of the gradients: AdamW's first moment, SGD's momentum.
    let first: FloatBuffer
    /// AdamW's second moment; empty for SGD.
    let second: FloatBuffer
    /// Steps since the moments were zero.
    var steps = 0

    init(kind: OptimizerKind, layout: ParameterLayout) throws(OutOfMemory) {
        self.kind = kind
        first = try FloatBuffer(count: layout.count)
        second = try FloatBuffer(count: kind == .adamw ? layout.count : 0)
    }

    /// One step, with every element of `gradient` times `scale` first.
    mutating func update(
        _ parameters: FloatBuffer, gradient: FloatBuffer, scale: Double, layout: ParameterLayout,
        hyper: Hyperparameters, learningRate: Double
    ) {
        steps += 1
        for tensor in layout.tensors {
            let decay = tensor.decays ? hyper.weightDecay : 0
            let part = Part(
                parameters: parameters.start + tensor.offset, gradient: gradient.start + tensor.offset,
                count: tensor.count, scale: Float(scale), learningRate: Float(learningRate),
                shrink: Float(1 - learningRate * decay))
            switch kind {
            case .adamw: adamw(part, offset: tensor.offset, hyper: hyper)
            case .sgd: sgd(part, offset: tensor.offset, momentum: Float(hyper.momentum))
            }
        }
    }

    /// One tensor's share of a step.
    private struct Part {
        let parameters: Floats
        let gradient: Floats
        let count: Int
        let scale: Float
        let learningRate: Float
        /// What decay multiplies parameters by.
        let shrink: Float
    }

    /// Adam (Kingma, Ba 2014) with bias correction and ε = 1e-8, decay decoupled.
    private func adamw(_ part: Part, offset: Int, hyper: Hyperparameters) {
        let (first, second) = (first.start + offset, second.start + offset)
        let (keep1, keep2) = (Float(hyper.beta1), Float(hyper.beta2))
        let (take1, take2) = (Float(1 - hyper.beta1), Float(1 - hyper.beta2))
        let stepSize = part.learningRate / Float(1 - pow(hyper.beta1, Double(steps)))
        let correction = Float(1 / (1 - pow(hyper.beta2, Double(steps))).squareRoot())
        for i in stride(from: 0, to: part.count, by: 8) {
            let given = part.gradient[lanes: i] * part.scale
            let mean = first[lanes: i] * keep1 + given * take1
            let square = second[lanes: i] * keep2 + given * given * take2
            first[lanes: i] = mean
            second[lanes: i] = square
            let size = square.squareRoot() * correction + 1e-8
            part.parameters[lanes: i] = part.parameters[lanes: i] * part.shrink - mean * stepSize / size
        }
    }

    private func sgd(_ part: Part, offset: Int, momentum: Float) {
        let velocity = first.start + offset
        for i in stride(from: 0, to: part.count, by: 8) {
            let pace = velocity[lanes: i] * momentum + part.gradient[lanes: i] * part.scale
            velocity[lanes: i] = pace
            part.parameters[lanes: i] = part.parameters[lanes: i] * part.shrink - pace * part.learningRate
        }
    }
}
