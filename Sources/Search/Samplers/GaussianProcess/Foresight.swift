extension TrainingSet {
    /// Spearman's correlation between the targets and what the process says of each from all others (Rasmussen and
    /// Williams 2006, equation 5.12). nil where it says the same of all, or all targets are the same.
    func foresight(under kernel: MaternKernel) -> Double? {
        let factor = Cholesky(covariance(kernel.matrix(points).values, noise: kernel.noise), count: count)
        let (weights, inverse) = (factor.solve(targets), factor.inverse())
        let said = targets.indices.map { index in
            targets[index] - weights[index] / inverse[Cholesky.start(of: index + 1) - 1]
        }
        return correlation(ranks(of: said), ranks(of: targets))
    }
}

/// From 0, the lowest first; equal values share the mean of theirs.
private func ranks(of values: [Double]) -> [Double] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var ranks = [Double](repeating: 0, count: values.count)
    var first = 0
    while first < order.count {
        let next = order[first...].firstIndex { values[$0] > values[order[first]] } ?? order.count
        for place in first..<next { ranks[order[place]] = Double(first + next - 1) / 2 }
        first = next
    }
    return ranks
}

/// Pearson's; nil where one of the two does not vary.
private func correlation(_ a: [Double], _ b: [Double]) -> Double? {
    let (meanA, meanB) = (a.reduce(0, +) / Double(a.count), b.reduce(0, +) / Double(b.count))
    var (product, squareA, squareB) = (0.0, 0.0, 0.0)
    for (a, b) in zip(a, b) {
        product += (a - meanA) * (b - meanB)
        squareA += (a - meanA) * (a - meanA)
        squareB += (b - meanB) * (b - meanB)
    }
    return squareA > 0 && squareB > 0 ? product / (squareA * squareB).squareRoot() : nil
}
