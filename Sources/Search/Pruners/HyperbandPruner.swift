public import FleetModel

/// Hyperband (Li et al. 2018, algorithm 1) over asynchronous successive halving, as in Li et al. 2020: trials
/// are spread over brackets that stop them ever later, because nobody knows beforehand how early a loss can
/// be trusted. The first bracket has all the rungs of `ASHAPruner`, each further one a rung less from below,
/// and in the last trials run to their end.
public struct HyperbandPruner: Pruner {
    /// The one that stops earliest first.
    package private(set) var brackets: [ASHAPruner]
    /// Where each bracket's share of the trials ends, rising; the last at 1.
    private let ends: [Double]

    /// Options as those of `ASHAPruner`; `maxStep`, where a trial ends, is at least 1.
    public init(minStep: Int, reductionFactor: Int = 3, maxStep: Int) {
        precondition(maxStep >= 1, "a trial has at least one step")
        let all = ASHAPruner(minStep: minStep, reductionFactor: reductionFactor, maxStep: maxStep)
        brackets = (all.rungs.map(\.step) + [maxStep]).map { step in
            ASHAPruner(minStep: step, reductionFactor: reductionFactor, maxStep: maxStep)
        }
        let trials = brackets.map { Self.trials(rungs: $0.rungs.count, of: all.rungs.count, reductionFactor) }
        let sum = trials.reduce(0, +)
        ends = trials.indices.map { trials[...$0].reduce(0, +) / sum }
    }

    /// How many trials a bracket with so many rungs has in one round of the paper, which gives every bracket
    /// about the same steps: ⌈(s_max + 1) / (s + 1) · η^s⌉.
    private static func trials(rungs: Int, of most: Int, _ reductionFactor: Int) -> Double {
        let power = (0..<rungs).reduce(1.0) { power, _ in power * Double(reductionFactor) }
        return (Double(most + 1) * power / Double(rungs + 1)).rounded(.up)
    }

    /// Which bracket the trial of a stage with this number is in, from 0. Van der Corput's sequence deals
    /// out the shares evenly, also to the first few trials.
    package func bracket(of number: Int) -> Int {
        let bits = SobolSequence.coordinate(of: UInt32(truncatingIfNeeded: number), dimension: 0)
        return ends.firstIndex { Double(bits) * 0x1p-32 < $0 } ?? brackets.count - 1
    }

    public mutating func judge(_ trial: TrialID, step: Int, loss: Loss) -> Verdict {
        let bracket = bracket(of: trial.number)
        switch brackets[bracket].judge(trial, step: step, loss: loss) {
        case .pass(let standing): return .pass(standing.inside(bracket))
        case .stop(.outranked(let standing)): return .stop(.outranked(standing.inside(bracket)))
        case let verdict: return verdict
        }
    }
}

extension Standing {
    fileprivate func inside(_ bracket: Int) -> Standing {
        Standing(rung: rung, position: position, of: of, kept: kept, bracket: bracket)
    }
}
