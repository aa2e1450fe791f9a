/// Minimisation inside a box by L-BFGS (Nocedal and Wright 2006, algorithms 7.4 and 7.5) with projected
/// steps: coordinates that a step would push through their bound are held there (Bertsekas 1982).
struct QuasiNewton {
    /// So many pairs of steps and gradient changes are kept.
    var memory = 6
    var iterations = 50
    /// Ends once no coordinate of the projected gradient is larger.
    var tolerance = 1e-3
    /// The first step, and any later one, moves no coordinate further than this.
    var reach = Double.infinity

    struct Minimum {
        var point: [Double]
        var value: Double
    }

    private struct Pair {
        let step: [Double]
        let change: [Double]
        let product: Double
    }

    /// - Parameters:
    ///   - start: inside the box.
    ///   - function: writes the gradient and returns the value at a point; not-a-number counts as infinite.
    func minimum(
        from start: [Double], low: [Double], high: [Double],
        of function: (_ point: [Double], _ gradient: inout [Double]) -> Double
    ) -> Minimum {
        var gradient = [Double](repeating: 0, count: start.count)
        var best = Minimum(point: start, value: function(start, &gradient))
        var pairs: [Pair] = []
        for _ in 0..<iterations {
            let free = start.indices.map { index in
                let (x, slope) = (best.point[index], gradient[index])
                return !(x <= low[index] && slope > 0) && !(x >= high[index] && slope < 0)
            }
            guard start.indices.contains(where: { free[$0] && abs(gradient[$0]) > tolerance }) else { break }
            let direction = direction(gradient, free, pairs)
            guard let next = search(along: direction, from: best, gradient, low, high, function) else {
                if pairs.isEmpty { break }
                pairs = []
                continue
            }
            remember(
                step: difference(next.minimum.point, best.point),
                change: difference(next.gradient, gradient), in: &pairs)
            let gain = best.value - next.minimum.value
            (best, gradient) = (next.minimum, next.gradient)
            if gain < 1e-9 * max(1, abs(best.value)) { break }
        }
        return best
    }

    /// Two-loop recursion over the free coordinates.
    private func direction(_ gradient: [Double], _ free: [Bool], _ pairs: [Pair]) -> [Double] {
        var q = gradient.indices.map { free[$0] ? gradient[$0] : 0 }
        var weights = [Double](repeating: 0, count: pairs.count)
        for (index, pair) in pairs.enumerated().reversed() {
            weights[index] = product(pair.step, q) / pair.product
            for i in q.indices { q[i] -= weights[index] * pair.change[i] }
        }
        if let last = pairs.last {
            let scale = last.product / product(last.change, last.change)
            for i in q.indices { q[i] *= scale }
        }
        for (pair, weight) in zip(pairs, weights) {
            let correction = weight - product(pair.change, q) / pair.product
            for i in q.indices { q[i] += correction * pair.step[i] }
        }
        let descent = q.indices.map { free[$0] ? -q[$0] : 0 }
        guard product(descent, gradient) < 0 else {
            return gradient.indices.map { free[$0] ? -gradient[$0] : 0 }
        }
        return descent
    }

    /// Halves the step until the value falls enough (Armijo's rule along the projected arc).
    private func search(
        along direction: [Double], from best: Minimum, _ gradient: [Double], _ low: [Double],
        _ high: [Double], _ function: (_ point: [Double], _ gradient: inout [Double]) -> Double
    ) -> (minimum: Minimum, gradient: [Double])? {
        let longest = direction.reduce(0) { max($0, abs($1)) }
        var scale = min(1, reach / max(longest, .leastNormalMagnitude))
        var slope = gradient
        for _ in 0..<12 {
            let point = direction.indices.map {
                min(max(best.point[$0] + scale * direction[$0], low[$0]), high[$0])
            }
            let value = function(point, &slope)
            let expected = product(difference(point, best.point), gradient)
            if value <= best.value + 1e-4 * expected, expected < 0 {
                return (Minimum(point: point, value: value), slope)
            }
            scale *= 0.4
        }
        return nil
    }

    private func remember(step: [Double], change: [Double], in pairs: inout [Pair]) {
        let product = product(step, change)
        guard product > 1e-10 * self.product(change, change) else { return }
        pairs.append(Pair(step: step, change: change, product: product))
        if pairs.count > memory { pairs.removeFirst() }
    }

    private func product(_ a: [Double], _ b: [Double]) -> Double {
        var sum = 0.0
        for index in a.indices { sum += a[index] * b[index] }
        return sum
    }

    private func difference(_ a: [Double], _ b: [Double]) -> [Double] {
        a.indices.map { a[$0] - b[$0] }
    }
}
