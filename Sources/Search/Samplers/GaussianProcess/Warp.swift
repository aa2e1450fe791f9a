/// Makes losses such as a Gaussian process expects, with a mean of 0 and a deviation of 1. They keep their
/// proportions up to twice as far from the lowest as the median is. Beyond that they grow like a logarithm, because
/// how bad a terrible loss is (a divergence, the far wall of a valley) says little about where good ones are, and
/// would drown their differences.
struct Warp: Hashable {
    /// As far above the median as that is above the lowest.
    private let knee: Double
    /// Beyond the knee, the length over which the logarithm bends; 0 for none.
    private let bend: Double
    private let mean: Double
    /// The standard deviation of the warped losses, in the losses' own unit.
    let deviation: Double

    /// How many trials a deviation known before is worth.
    private static let trust = 3.0

    /// - Parameter known: the deviation of similar losses.
    /// - Returns: nil for no losses.
    init?(_ losses: [Double], deviation known: Double? = nil) {
        guard let median = losses.median, let lowest = losses.min() else { return nil }
        let knee = median + (median - lowest)
        self.knee = knee
        bend = median - lowest
        let warped = losses.map { [knee, bend] in Self.bent($0, knee, bend) }
        let count = Double(losses.count)
        mean = warped.reduce(0, +) / count
        let squares = warped.reduce(0) { [mean] in $0 + ($1 - mean) * ($1 - mean) }
        let variance =
            known.map { (squares + Self.trust * $0 * $0) / (count + Self.trust) } ?? squares / count
        let root = variance.squareRoot()
        // Losses may all be equal, or so large that their squares overflow.
        deviation = root > 0 && root.isFinite ? root : 1
    }

    func target(of loss: Double) -> Double {
        let target = (Self.bent(loss, knee, bend) - mean) / deviation
        return target.isFinite ? target : 0
    }

    /// The loss that has this target: the inverse of `target(of:)`.
    func loss(of target: Double) -> Double {
        let loss = target * deviation + mean
        guard loss > knee, bend > 0, bend.isFinite else { return loss }
        return knee + bend * (exp((loss - knee) / bend) - 1)
    }

    private static func bent(_ loss: Double, _ knee: Double, _ bend: Double) -> Double {
        guard loss > knee, bend > 0, bend.isFinite else { return loss }
        return knee + bend * log(1 + (loss - knee) / bend)
    }
}
