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
    /// Where the trial's curve is forecast to be after as many further steps as `stages` stages have; nil: one,
    /// since a curve can be told about as far ahead as it was seen. The last stage, after which nothing comes, is
    /// judged after a cooldown of the share `finish` of its steps, which may be above 1; 0: by the last loss.
    case extrapolate(stages: Int?, finish: Double)

    /// The rule for a stage with so many stages after it.
    public func rule(before remaining: Int) -> StageScore {
        switch self {
        case .last: .last
        case .cooldown(let share): .cooldown(share: share)
        case .extrapolate(let stages, _) where remaining > 0: .forecast(stages: min(stages ?? 1, remaining))
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

    /// The same with a finish that is a share of the steps of so many stages instead: what an anneal finds depends
    /// on its share of the whole run (Hägele et al. 2024, arXiv 2405.18392), not of its last stage.
    public func finished(after stages: Int) -> Score {
        guard case .extrapolate(let horizon, let finish) = self else { return self }
        return .extrapolate(stages: horizon, finish: finish * Double(stages))
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
    /// Of the stage's steps; of the last stage it may be above 1.
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

    /// Where a curve over `steps` steps goes, if it is that which counts and can be told. A model that is new falls
    /// fast at first, the longer the lower its learning rate, and a power law through that alone goes far too low. So
    /// it falls no further than a curve like 1 / t would that falls as much over the second half of what was seen.
    /// - Parameter behind: steps of the model before the curve.
    func forecast(of curve: [Curve.Point], steps: Int, behind: Int) -> Loss? {
        guard case .forecast(let stages) = self, let last = curve.last, let highest = curve.map(\.loss).max(),
            let fit = LearningCurveFit(
                curve.map { PowerLawFit.Point(x: Double(behind + $0.step), y: $0.loss.value) })
        else { return nil }
        let middle = curve.last { $0.step * 2 <= last.step } ?? curve[0]
        let (half, now, then) = (behind + middle.step, behind + last.step, behind + steps * (1 + stages))
        let seen = 1 / Double(half) - 1 / Double(now)
        let fall = max(0, middle.loss.value - last.loss.value)
        let lowest = last.loss.value - fall * (1 / Double(now) - 1 / Double(then)) / seen
        return Loss(min(max(fit(Double(then)), lowest), highest.value), .minimize)
    }
}
