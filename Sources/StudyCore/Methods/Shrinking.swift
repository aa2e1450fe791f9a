import FleetModel
import Search

/// How the space of a stage follows from the stages before.
public enum Shrinking: Hashable, Codable, Sendable {
    /// By parameter: the share around the last best that the next stage searches; others keep their range.
    case shares([String: Double])
    /// By what the losses show: half as wide a window at each stage, but
    ///
    /// - never so narrow that the losses at its ends would drown in the noise: then it stays as it is;
    /// - twice as wide where the best lay at the same end of the window in two stages running;
    /// - no narrower than a factor of 2 to each side on a log scale, an eighth of the range on others. The best
    ///   learning rate falls like t^(-1/2) to t^(-1): from the first to the second stage by as much.
    ///
    /// Its middle is the last best, or where the power law through the optima of all stages will be (`Trend`),
    /// once there is evidence of one and its forecast is no less certain than the window is wide.
    ///
    /// On a log scale the high side is guarded. Near its optimum a learning rate that is twice too high costs
    /// about three times as much as one that is half as high, and four times too high diverges. So a window of
    /// a rate (no whole number) whose losses rise clearly more above ends where they have risen half as far again as at its lower end
    /// (or by that much of the noise, where it is more), but keeps a quarter of its reach; and it ends short of
    /// a value at which, and at none below, the loss was no number.
    case automatic
}

extension Shrinking {
    /// The space for the stage after `stages`, around an assignment that the last of them holds for best and
    /// that stays in it.
    /// - Parameter original: the study's own space, which no stage leaves.
    func space(
        after stages: [Stage], around best: Assignment, original: Space, _ fidelity: Fidelity
    ) -> Narrowed {
        switch self {
        case .shares(let shares):
            return Narrowed(space: original.shrunk(around: best, shares: shares), windows: [])
        case .automatic:
            guard let fitting = WindowFitting(after: stages, around: best, fidelity) else {
                return Narrowed(space: original, windows: [])
            }
            let windows = original.parameters.compactMap(fitting.window(of:))
            let ends = windows.map { ($0.parameter, $0.low...$0.high) }
            return Narrowed(
                space: original.shrunk(to: Dictionary(uniqueKeysWithValues: ends)), windows: windows)
        }
    }
}

/// A space, and the windows that made it so.
struct Narrowed {
    let space: Space
    let windows: [Window]
}

/// Finds the windows of the stage to come.
private struct WindowFitting {
    private let stages: [Stage]
    private let last: Stage
    private let best: Assignment
    private let fidelity: Fidelity
    private let surface: SmoothedLosses?

    /// The ends of a window, in shares of it.
    private static let border = 0.1

    /// nil before the first stage.
    init?(after stages: [Stage], around best: Assignment, _ fidelity: Fidelity) {
        guard let last = stages.last else { return nil }
        self.stages = stages
        self.last = last
        self.best = best
        self.fidelity = fidelity
        surface = SmoothedLosses(last.history)
    }

    /// nil where the whole range is searched: from half of it on to each side it is, wherever the centre is.
    func window(of parameter: Parameter) -> Window? {
        let name = parameter.name
        guard let span = Span(parameter.domain), let value = best[name]?.number else { return nil }
        let (reach, width) = reach(name, span, around: value)
        guard reach < 0.5 else { return nil }
        let centre = centre(name, span, reach, best: value)
        let whole = span.ends(of: centre.value, below: reach, above: reach)
        let (top, guardrail) = top(of: whole, name, span, reach, around: centre.value)
        return Window(
            parameter: name, low: min(whole.lowerBound, value), high: max(top, value), reach: reach,
            centre: centre, width: width, guardrail: guardrail)
    }

    // MARK: Width

    private func reach(_ name: String, _ span: Span, around value: Double) -> (Double, Window.Width) {
        let before = last.windows.first { $0.parameter == name }?.reach ?? 0.5
        if isAtBorder(name, span) { return (before * 2, .widenedAtBorder) }
        let half = max(span.leastReach, before / 2)
        if let surface, isFlat(surface, name, span.ends(of: value, below: half, above: half)) {
            return (before, .keptForNoise)
        }
        return half > before / 2 ? (half, .least) : (half, .halved)
    }

    /// The best of each of two stages lay at the same end of its window, and the window can go on there.
    private func isAtBorder(_ name: String, _ whole: Span) -> Bool {
        let ends = stages.suffix(2).compactMap { stage -> Int? in
            let domain = stage.space.parameters.first { $0.name == name }?.domain
            guard let window = domain.flatMap(Span.init),
                let value = stage.bestTrial?.assignment[name]?.number
            else { return nil }
            let place = window.place(of: value)
            if place < Self.border, window.low > whole.low { return -1 }
            if place > 1 - Self.border, window.high < whole.high { return 1 }
            return nil
        }
        return ends.count == 2 && ends[0] == ends[1]
    }

    /// The losses at both ends of a window rise by less than the noise.
    private func isFlat(_ surface: SmoothedLosses, _ name: String, _ ends: ClosedRange<Double>) -> Bool {
        guard let bottom = surface.loss(at: best) else { return false }
        return [ends.lowerBound, ends.upperBound].allSatisfy { end in
            loss(name, end).map { $0 - bottom < surface.noise } ?? false
        }
    }

    /// The surface where one value of the best assignment is another.
    private func loss(_ name: String, _ value: Double) -> Double? {
        var moved = best
        moved[name] = .float(value)
        return surface?.loss(at: moved)
    }

    // MARK: Middle

    private func centre(_ name: String, _ span: Span, _ reach: Double, best value: Double) -> Window.Centre {
        let steps = fidelity.steps(last.steps, of: best)
        guard let law = stages.lawCentre(of: name, steps: steps, fidelity),
            span.low...span.high ~= law.forecast.value,
            span.place(of: law.forecast.range.upperBound) - span.place(of: law.forecast.range.lowerBound)
                <= 2 * reach
        else { return .best(value) }
        return .law(law)
    }

    // MARK: The high side

    /// Where a window ends above.
    private func top(
        of window: ClosedRange<Double>, _ name: String, _ span: Span, _ reach: Double, around centre: Double
    ) -> (Double, Window.Guardrail?) {
        guard span.isLog else { return (window.upperBound, nil) }
        let steep = isRate(name) ? steepness(of: window, name, around: centre) : nil
        let shares = steep == nil ? [1] : Array(stride(from: 0.875, through: 0.25, by: -0.125))
        let ends = shares.map { span.ends(of: centre, below: reach, above: reach * $0) }
        let top = (ends.first { steepness(of: $0, name, around: centre) == nil } ?? ends.last!).upperBound
        if let edge = divergence(name), edge.end < top {
            return (max(edge.end, centre), .diverged(at: edge.value))
        }
        return (top, steep)
    }

    /// Batch sizes and other counts are none: more of them costs time and seldom loss.
    private func isRate(_ name: String) -> Bool {
        if case .float? = last.space.parameters.first(where: { $0.name == name })?.domain {
            true
        } else {
            false
        }
    }

    /// How much steeper the high side is before it is guarded.
    private static let clearly = 1.5

    /// By how much the losses rise to the upper end of a window, where that is clearly more than to the lower end.
    private func steepness(
        of window: ClosedRange<Double>, _ name: String, around centre: Double
    ) -> Window.Guardrail? {
        guard let surface, let bottom = loss(name, centre), let below = loss(name, window.lowerBound),
            let above = loss(name, window.upperBound)
        else { return nil }
        let (rise, allowed) = (above - bottom, Self.clearly * max(below - bottom, surface.noise))
        return rise > allowed ? .steeper(rise: rise, allowed: allowed) : nil
    }

    /// The lowest value at which a trial of the last stage diverged, where all that trained are below it, and the
    /// middle between it and them.
    private func divergence(_ name: String) -> (value: Double, end: Double)? {
        func values(where fits: (Trial) -> Bool) -> [Double] {
            last.trials.filter(fits).compactMap { $0.assignment[name]?.number }
        }
        guard let value = values(where: \.hasDiverged).min(),
            let trained = values(where: { $0.result != nil }).max(), trained < value
        else { return nil }
        return (value, (trained * value).squareRoot())
    }
}

extension Trial {
    /// Its loss was not a number.
    fileprivate var hasDiverged: Bool {
        guard case .ended(.failed(.run(let failure))) = state, case .notFinite = failure.cause else {
            return false
        }
        return true
    }
}
