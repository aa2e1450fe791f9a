/// What a trial of a stage is judged by.
///
/// After few steps a lower learning rate nearly always looks better than the one with which training goes
/// furthest, by orders of magnitude (Wu, Ren, Liao, Grosse 2018, arXiv 1803.02021): what noise a high rate
/// adds is seen at once, and what it gains only later.
public enum Score: Hashable, Codable, Sendable {
    /// The objective at the last step, as it is.
    case last
    /// The objective after a short anneal of the learning rate to near 0, which takes the noise away and
    /// leaves the gain. `share` of the stage's steps, above 0 and at most 1, are added for it. What the next
    /// stage starts from is the state before the anneal.
    case cooldown(share: Double)
    /// Where the trial's curve is forecast to be after as many steps as `stages` stages have.
    case extrapolate(stages: Int)

    /// Steps of an anneal after `steps`.
    public func cooldown(after steps: Int) -> Int {
        guard case .cooldown(let share) = self else { return 0 }
        return max(1, Int((Double(steps) * share).rounded()))
    }

    /// As study files and results name it.
    public var name: String {
        switch self {
        case .last: "last"
        case .cooldown: "cooldown"
        case .extrapolate: "extrapolate"
        }
    }
}
