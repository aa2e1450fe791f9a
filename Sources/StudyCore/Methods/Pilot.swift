import FleetModel

/// How the first stage finds how many steps its trials need: its first trials, spread over the space, train
/// until the order of their losses has settled, segment by segment, each half as long again as all before. The
/// stages then take one and a half times the step from which on the order stayed, so that a third of what
/// was seen confirms it.
public struct Pilot: Hashable, Codable, Sendable {
    /// How many trials; at least 3. They count among the stage's.
    public let trials: Int
    /// The fewest steps that may be chosen, and the first segment.
    public let fewest: Int
    /// The most, chosen where the order does not settle.
    public let most: Int

    /// This share of the pairs of trials must stand in their final order.
    static let agreement = 0.9

    public init(trials: Int = 4, fewest: Int, most: Int) {
        precondition(trials >= 3 && fewest >= 1 && most >= fewest, "a pilot has an order to find")
        self.trials = trials
        self.fewest = fewest
        self.most = most
    }

    /// What is known after `steps` units of trials whose losses went so.
    func verdict(after steps: Int, curves: [[Curve.Point]]) -> PilotVerdict {
        let noise = curves.compactMap(noise(of:)).sorted()
        let typical = noise.isEmpty ? 0 : noise[noise.count / 2]
        let orders = orders(curves, at: steps, noise: typical)
        let unsettled = orders.lastIndex { $0.agreement < Self.agreement } ?? -1
        let settled = orders.dropFirst(unsettled + 1).first?.step
        let findings = PilotFindings(
            steps: steps, trials: curves.count, settled: settled, agreement: Self.agreement, noise: typical,
            orders: orders)
        if let settled, settled * 3 <= steps * 2 {
            return .settled(findings)
        }
        return steps >= most ? .unsettled(findings) : .goOn(to: segment(after: steps), findings)
    }

    private func segment(after steps: Int) -> Int { min(most, max(steps + 1, steps * 3 / 2)) }

    /// How far the order of the losses was the one at `end` at each step reported up to there; none below three
    /// curves.
    private func orders(_ curves: [[Curve.Point]], at end: Int, noise: Double) -> [PilotOrder] {
        guard curves.count >= 3 else { return [] }
        let final = curves.map { loss(of: $0, at: end) }
        let steps = Set(curves.flatMap { $0.map(\.step) }).filter { $0 <= end }.sorted()
        return steps.map { step in
            let losses = curves.map { loss(of: $0, at: step) }
            return PilotOrder(step: step, agreement: agreement(losses, final, noise: noise))
        }
    }

    /// The share of the pairs, of those that differ by more than noise at the end, that are in that order.
    private func agreement(_ now: [Double], _ final: [Double], noise: Double) -> Double {
        var (same, all) = (0, 0)
        for a in now.indices {
            for b in 0..<a where abs(final[a] - final[b]) > 2 * noise {
                all += 1
                same += (now[a] < now[b]) == (final[a] < final[b]) ? 1 : 0
            }
        }
        return all == 0 ? 1 : Double(same) / Double(all)
    }

    /// The last loss up to `step`; infinite before the first.
    private func loss(of curve: [Curve.Point], at step: Int) -> Double {
        curve.last { $0.step <= step }?.loss.value ?? .infinity
    }

    /// The standard deviation of a point around its neighbours' line, by the median of the second differences.
    private func noise(of curve: [Curve.Point]) -> Double? {
        guard curve.count >= 4 else { return nil }
        let bends = (2..<curve.count).map { index in
            abs(curve[index].loss.value - 2 * curve[index - 1].loss.value + curve[index - 2].loss.value)
        }.sorted()
        // Of a normal distribution the median of |x| is 0.6745; a second difference has six variances.
        return bends[bends.count / 2] / (0.6745 * 6.0.squareRoot())
    }
}

/// What a pilot has found so far.
public struct PilotFindings: Hashable, Codable, Sendable {
    /// How far its trials have come.
    public let steps: Int
    /// How many trials have not failed.
    public let trials: Int
    /// From here on the order of the losses stayed; nil where it did not.
    public let settled: Int?
    /// The share of the pairs that must be in order.
    public let agreement: Double
    /// Of one loss, its standard deviation around its neighbours.
    public let noise: Double
    /// By rising step.
    public let orders: [PilotOrder]
}

/// How far the order of a pilot's losses at a step is that at the segment's end.
public struct PilotOrder: Hashable, Codable, Sendable {
    public let step: Int
    /// The share of pairs in that order, of those that differ by more than noise: (1 + Kendall's τ) / 2.
    public let agreement: Double
}

/// What a pilot says at the end of a segment.
enum PilotVerdict {
    case settled(PilotFindings)
    case goOn(to: Int, PilotFindings)
    /// The most steps are reached.
    case unsettled(PilotFindings)

    var findings: PilotFindings {
        switch self {
        case .settled(let findings), .goOn(_, let findings), .unsettled(let findings): findings
        }
    }
}
