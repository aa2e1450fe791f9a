import Glibc

/// GELU in its tanh form (Hendrycks, Gimpel 2016), written with the logistic function σ:
/// y = x · σ(2u), u = √(2/π) · (x + 0.044715 x³). Replaces x by dy/dx, which is all the way back needs.
func gelu(_ x: Floats, count: Int, into y: Floats) {
    let root: Float = 0.797_884_56
    for i in stride(from: 0, to: count, by: 8) {
        let value = x[lanes: i]
        let square = value * value
        let doubled = value * (square * (2 * root * 0.044715) + 2 * root)
        let share = 1 / (1 + exponential(-doubled))
        let slope = square * (6 * root * 0.044715) + 2 * root
        y[lanes: i] = value * share
        x[lanes: i] = share + value * share * (1 - share) * slope
    }
}

/// a = a · b, element by element, `count` a multiple of eight.
func scale(_ a: Floats, by b: Floats, count: Int) {
    for i in stride(from: 0, to: count, by: 8) { a[lanes: i] *= b[lanes: i] }
}

/// y = a · b + c, element by element, `count` a multiple of eight.
func multiplyAdd(_ a: Floats, _ b: Floats, _ c: Floats, count: Int, into y: Floats) {
    for i in stride(from: 0, to: count, by: 8) { y[lanes: i] = a[lanes: i] * b[lanes: i] + c[lanes: i] }
}

/// Replaces the `width` scores of a row (a multiple of eight) by e^(score − greatest). Answers their sum
/// and the greatest.
@inline(__always)
func exponentiate(_ row: Floats, width: Int) -> (sum: Float, greatest: Float) {
    var peak = row[lanes: 0]
    for i in stride(from: 8, to: width, by: 8) { peak = greater(peak, row[lanes: i]) }
    let greatest = peak.max()
    var sum = Lanes.zero
    for i in stride(from: 0, to: width, by: 8) {
        let power = exponential(row[lanes: i] - greatest)
        row[lanes: i] = power
        sum += power
    }
    return (sum.sum(), greatest)
}

/// Cross-entropy in nats between one row of logits and the byte that came. Replaces the logits by the
/// gradient, times `scale`.
func crossEntropy(_ logits: Floats, width: Int, target: Int, scale: Float) -> Float {
    let wanted = logits[target]
    let (sum, greatest) = exponentiate(logits, width: width)
    let factor = scale / sum
    for i in stride(from: 0, to: width, by: 8) { logits[lanes: i] *= factor }
    logits[target] -= scale
    return log(sum) + greatest - wanted
}
