/// y = x · weightᵀ + bias, with the weight as [outputs, inputs], PyTorch's order.
struct Linear {
    let weight: Floats
    let bias: Floats
    /// Multiples of eight.
    let inputs: Int
    let outputs: Int

    private var matrix: Matrix { Matrix(weight, outputs, inputs) }

    /// y = x · weightᵀ + bias, and `residual` is added where there is one.
    func forward(_ x: Floats, rows: Int, into y: Floats, residual: Floats? = nil) {
        for row in 0..<rows {
            let start = row * outputs
            for i in stride(from: 0, to: outputs, by: 8) {
                let base = residual.map { $0[lanes: start + i] } ?? .zero
                y[lanes: start + i] = base + bias[lanes: i]
            }
        }
        multiply(Matrix(x, rows, inputs), matrix.transposed, into: Matrix(y, rows, outputs), keep: 1)
    }

    /// dx = dy · weight; adds to `gradient`'s weight and bias.
    func backward(_ dy: Floats, x: Floats, rows: Int, gradient: Linear, into dx: Floats) {
        let given = Matrix(dy, rows, outputs)
        multiply(given.transposed, Matrix(x, rows, inputs), into: gradient.matrix, keep: 1)
        for row in 0..<rows {
            for i in stride(from: 0, to: outputs, by: 8) {
                gradient.bias[lanes: i] += dy[lanes: row * outputs + i]
            }
        }
        multiply(given, matrix, into: Matrix(dx, rows, inputs))
    }
}
