import FleetModel
import Search

/// How the space of a stage follows from the stage before.
public enum Shrinking: Hashable, Codable, Sendable {
    /// By parameter: the share around the last best that the next stage searches; others keep their range.
    case shares([String: Double])
    /// By what the losses show: half as wide a window at each stage, but
    ///
    /// - never so narrow that the losses at its ends would drown in the noise: then it stays as it is;
    /// - twice as wide where the best lay at the same end of the window in two stages running;
    /// - no narrower than a factor of 2 to each side on a log scale, an eighth of the range on others. The best
    ///   learning rate falls like t^(-1/2) to t^(-1): from the first to the second stage by as much.
    case automatic

    /// The ends of a window, in shares of it.
    private static let border = 0.1
}

extension Shrinking {
    /// The space for the stage after `stages`, around an assignment that the last of them holds for best.
    /// - Parameter original: the study's own space, which no stage leaves.
    func space(after stages: [Stage], around best: Assignment, original: Space) -> Narrowed {
        switch self {
        case .shares(let shares):
            return Narrowed(space: original.shrunk(around: best, shares: shares), reach: [:])
        case .automatic:
            guard let last = stages.last else { return Narrowed(space: original, reach: [:]) }
            let surface = SmoothedLosses(last.history)
            var (shares, reaches): ([String: Double], [String: Double]) = ([:], [:])
            for parameter in original.parameters {
                guard let span = Span(parameter.domain), let value = best[parameter.name]?.number else {
                    continue
                }
                let before = last.reach[parameter.name] ?? 0.5
                var reach = max(span.leastReach, before / 2)
                if Self.isAtBorder(parameter.name, span, in: stages.suffix(2)) {
                    reach = before * 2
                } else if let surface,
                    Self.isFlat(surface, around: best, parameter.name, span.ends(of: value, reach))
                {
                    reach = before
                }
                // From half of the range on it is the whole range, wherever the centre is.
                guard reach < 0.5 else { continue }
                reaches[parameter.name] = reach
                shares[parameter.name] = span.share(of: value, reach)
            }
            return Narrowed(space: original.shrunk(around: best, shares: shares), reach: reaches)
        }
    }

    /// The best of each of two stages lay at the same end of its window, and the window can go on there.
    private static func isAtBorder(_ name: String, _ whole: Span, in stages: ArraySlice<Stage>) -> Bool {
        let ends = stages.compactMap { stage -> Int? in
            guard
                let window = stage.space.parameters.first(where: { $0.name == name }).map(\.domain).flatMap(
                    Span.init),
                let value = stage.best.flatMap({ stage.trials[$0.number].assignment[name]?.number })
            else { return nil }
            let place = window.place(of: value)
            if place < border, window.low > whole.low { return -1 }
            if place > 1 - border, window.high < whole.high { return 1 }
            return nil
        }
        return ends.count == 2 && ends[0] == ends[1]
    }

    /// The losses at both ends of a window rise by less than the noise.
    private static func isFlat(
        _ surface: SmoothedLosses, around best: Assignment, _ name: String, _ ends: [Double]
    ) -> Bool {
        guard let bottom = surface.loss(at: best) else { return false }
        return ends.allSatisfy { end in
            var moved = best
            moved[name] = .float(end)
            return surface.loss(at: moved).map { $0 - bottom < surface.noise } ?? false
        }
    }
}

/// A space, and how far it reaches to each side of its centre by parameter, in shares of the original axis.
struct Narrowed {
    let space: Space
    let reach: [String: Double]
}
