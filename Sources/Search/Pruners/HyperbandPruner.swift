public import FleetModel

/// Hyperband (Li et al. 2018, algorithm 1) over asynchronous successive halving, as in Li et al. 2020: trials
/// are spread over brackets that stop them ever later, because nobody knows beforehand how early a loss can
/// be trusted. The first bracket has all the rungs of `ASHAPruner`, each further one a rung less from below,
/// and in the last trials run to their end.
public struct HyperbandPruner: Pruner {
    /// With as many brackets as there can be.
    package private(set) var asha: ASHAPruner

    /// Options as those of `ASHAPruner`; `maxStep`, where a trial ends, is at least 1.
    public init(minStep: Int, reductionFactor: Int = 3, maxStep: Int) {
        asha = ASHAPruner(
            minStep: minStep, reductionFactor: reductionFactor, maxStep: maxStep, brackets: .max)
    }

    public var rungs: [Int] { asha.rungs }

    public mutating func begin(_ trial: TrialID, at places: [Double]) { asha.begin(trial, at: places) }

    public mutating func judge(_ trial: TrialID, step: Int, loss: Loss) -> Verdict {
        asha.judge(trial, step: step, loss: loss)
    }

    public func nextDecision(of trial: TrialID) -> Int? { asha.nextDecision(of: trial) }
}
