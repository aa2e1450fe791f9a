/// The constants of CMA-ES for one number of dimensions and trials in a generation (Hansen 2016, "The CMA
/// evolution strategy: a tutorial", arXiv 1604.00772, table 1).
struct CMAESRates: Hashable, Sendable {
    let population: Int
    /// By rank, the best first: those of the better half add up to 1, the others are below 0 and push the
    /// covariance away from where they lie.
    let weights: [Double]
    /// How many trials of equal weight would select as sharply.
    let selected: Double
    let stepPath: Double
    let damping: Double
    let shapePath: Double
    let rankOne: Double
    let rankMany: Double
    /// Expected length of a standard normal vector.
    let length: Double

    /// - Parameters:
    ///   - dimensions: at least 1.
    ///   - population: at least 4.
    init(dimensions: Int, population: Int) {
        let d = Double(dimensions)
        self.population = population
        let raw = (1...population).map { log((Double(population) + 1) / 2) - log(Double($0)) }
        let (best, worst) = (raw.filter { $0 > 0 }, raw.filter { $0 <= 0 })
        let selected = Self.effective(best)
        stepPath = (selected + 2) / (d + selected + 5)
        damping = 1 + 2 * max(0, ((selected - 1) / (d + 1)).squareRoot() - 1) + stepPath
        shapePath = (4 + selected / d) / (d + 4 + 2 * selected / d)
        rankOne = 2 / ((d + 1.3) * (d + 1.3) + selected)
        let many = 2 * (0.25 + selected + 1 / selected - 2) / ((d + 2) * (d + 2) + selected)
        rankMany = min(1 - rankOne, many)
        length = d.squareRoot() * (1 - 1 / (4 * d) + 1 / (21 * d * d))
        let bounds = [
            1 + rankOne / rankMany, 1 + 2 * Self.effective(worst) / (selected + 2),
            (1 - rankOne - rankMany) / (d * rankMany),
        ]
        let (gain, loss) = (best.reduce(0, +), -worst.reduce(0, +))
        let share = bounds.reduce(.infinity) { min($0, $1) } / max(loss, .leastNormalMagnitude)
        weights = raw.map { $0 > 0 ? $0 / gain : $0 * share }
        self.selected = selected
    }

    private static func effective(_ weights: [Double]) -> Double {
        let sum = weights.reduce(0, +)
        return sum * sum / max(weights.reduce(0) { $0 + $1 * $1 }, .leastNormalMagnitude)
    }
}
