/// Layer normalisation (Ba, Kiros, Hinton 2016): y = gain · (x − mean) / √(variance + 1e-5) + bias.
struct LayerNorm {
    let gain: Floats
    let bias: Floats
    /// Multiple of eight.
    let width: Int

    /// Writes `rows` rows of y, and each row's mean and 1/√(variance + 1e-5) for the way back.
    func forward(_ x: Floats, rows: Int, into y: Floats, moments: Floats) {
        for row in 0..<rows {
            let (x, y) = (x + row * width, y + row * width)
            var sum = Lanes.zero
            for i in stride(from: 0, to: width, by: 8) { sum += x[lanes: i] }
            let mean = sum.sum() / Float(width)
            var squares = Lanes.zero
            for i in stride(from: 0, to: width, by: 8) {
                let centred = x[lanes: i] - mean
                squares += centred * centred
            }
            let scale = 1 / (squares.sum() / Float(width) + 1e-5).squareRoot()
            for i in stride(from: 0, to: width, by: 8) {
                y[lanes: i] = (x[lanes: i] - mean) * scale * gain[lanes: i] + bias[lanes: i]
            }
            moments[2 * row] = mean
            moments[2 * row + 1] = scale
        }
    }

    /// Adds to `dx` and to `gradient`'s gain and bias what `dy` asks for.
    func backward(
        _ dy: Floats, x: Floats, moments: Floats, rows: Int, gradient: LayerNorm, addingTo dx: Floats
    ) {
        for row in 0..<rows {
            let (x, dy, dx) = (x + row * width, dy + row * width, dx + row * width)
            let (mean, scale) = (moments[2 * row], moments[2 * row + 1])
            var sum = Lanes.zero
            var product = Lanes.zero
            for i in stride(from: 0, to: width, by: 8) {
                let normal = (x[lanes: i] - mean) * scale
                let given = dy[lanes: i]
                gradient.gain[lanes: i] += given * normal
                gradient.bias[lanes: i] += given
                let weighted = given * gain[lanes: i]
                sum += weighted
                product += weighted * normal
            }
            let meanSum = sum.sum() / Float(width)
            let meanProduct = product.sum() / Float(width)
            for i in stride(from: 0, to: width, by: 8) {
                let normal = (x[lanes: i] - mean) * scale
                dx[lanes: i] += (dy[lanes: i] * gain[lanes: i] - meanSum - normal * meanProduct) * scale
            }
        }
    }
}
