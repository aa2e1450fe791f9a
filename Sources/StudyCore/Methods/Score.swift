import FleetModel
import Search

/// What the trials of staged studies are judged by.
///
/// After few steps those learning rates look best that are best for few steps: too low ones on the way (Wu, Ren,
/// Liao, Grosse 2018, arXiv 1803.02021: what noise a rate adds is seen at once, what it gains only later), too
/// high ones at the start.
public enum Score: Hashable, Codable, Sendable {
    /// The objective at the last step, as it is.
    case last
    /// The objective after a short anneal of the learning rate to near 0, which takes the noise away and
    /// leaves the gain. `share` of the stage's steps, above 0 and at most 1, are added for it. What the next
    /// stage starts from is the state before the anneal.
    case cooldown(share: Double)
    /// Where the trial's curve is forecast to be after as many further steps as `stages` stages have; nil: all
    /// that are to come. The last stage, after which nothing comes, is judged after a cooldown of the share
    /// `finish`; 0: by the last loss.
    case extrapolate(stages: Int?, finish: Double)

    /// The rule for a stage with so many stages after it.
    public func rule(before remaining: Int) -> StageScore {
        switch self {
        case .last: .last
        case .cooldown(let share): .cooldown(share: share)
        case .extrapolate(let stages, _) where remaining > 0: .forecast(stages: stages ?? remaining)
        case .extrapolate(_, let finish): finish > 0 ? .cooldown(share: finish) : .last
        }
    }

    /// The same for a trainer that cannot anneal.
    var withoutCooldown: Score {
        switch self {
        case .last, .cooldown: .last
        case .extrapolate(let stages, _): .extrapolate(stages: stages, finish: 0)
        }
    }

    /// As study files name it.
    public var name: String {
        switch self {
        case .last: "last"
        case .cooldown: "cooldown"
        case .extrapolate: "extrapolate"
        }
    }
}

/// What the trials of one stage are judged by, as `Score` explains.
public enum StageScore: Hashable, Codable, Sendable {
    case last
    case cooldown(share: Double)
    /// After as many further steps as so many stages have; at least 1.
    case forecast(stages: Int)

    /// Steps of an anneal after `steps`.
    public func cooldown(after steps: Int) -> Int {
        guard case .cooldown(let share) = self else { return 0 }
        return max(1, Int((Double(steps) * share).rounded()))
    }

    /// As results name it.
    public var name: String {
        switch self {
        case .last: "last"
        case .cooldown: "cooldown"
        case .forecast: "extrapolate"
        }
    }

    /// Where a curve over `steps` steps goes, if it is that which counts and can be told. Never further down than
    /// a straight line through its second half: a learning curve flattens out.
    func forecast(of curve: [Curve.Point], steps: Int) -> Loss? {
        guard case .forecast(let stages) = self, let last = curve.last, let highest = curve.map(\.loss).max(),
            let fit = LearningCurveFit(
                curve.map { PowerLawFit.Point(x: Double($0.step), y: $0.loss.value) })
        else { return nil }
        let middle = curve.last { $0.step * 2 <= steps } ?? curve[0]
        let fall = max(0, middle.loss.value - last.loss.value)
        let length = Double(max(1, last.step - middle.step))
        let lowest = last.loss.value - fall / length * Double(stages * steps)
        return Loss(min(max(fit(Double(steps * (1 + stages))), lowest), highest.value), .minimize)
    }
}
