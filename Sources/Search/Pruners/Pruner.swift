public import FleetModel

/// Judges running trials by their losses. All it knows is what it was told before, so it belongs to one
/// group of trials that may be compared, such as a stage. The same calls in the same order get the same
/// answers. A report that is not a number has no loss and never comes here: its trial has failed.
public protocol Pruner: Hashable, Codable, Sendable {
    /// Steps at which trials are compared, rising; empty where every report is judged.
    var rungs: [Int] { get }

    /// The trial begins, before its first report. What judges by losses alone need not know.
    /// - Parameter places: where it lies in the space, see `History.coordinates(of:)`; as many for all trials.
    mutating func begin(_ trial: TrialID, at places: [Double])

    /// Takes note of the loss that `trial` has at `step` and says whether it goes on. Steps of one trial
    /// rise; a step that was judged before, as after a resume, changes nothing and goes on. A trial that was
    /// stopped, or that ended, is not asked about again.
    mutating func judge(_ trial: TrialID, step: Int, loss: Loss) -> Verdict

    /// The same with a loss for each objective of the study, in its order; never empty, and as many as ever
    /// before. By default the first decides.
    mutating func judge(_ trial: TrialID, step: Int, losses: [Loss]) -> Verdict

    /// A paused trial that is to go on before any new one begins; it counts as running from now on.
    mutating func resume() -> Resumption?

    /// Below this step no report of `trial`, which runs, changes anything: it may be left out. nil where
    /// every report counts.
    func nextDecision(of trial: TrialID) -> Int?

    /// The trial completed, failed or was given up, and does not come back. What it reported still counts.
    mutating func ended(_ trial: TrialID)
}

extension Pruner {
    public mutating func judge(_ trial: TrialID, step: Int, losses: [Loss]) -> Verdict {
        judge(trial, step: step, loss: losses[0])
    }

    public mutating func begin(_ trial: TrialID, at places: [Double]) {}
    public var rungs: [Int] { [] }
    public mutating func resume() -> Resumption? { nil }
    public func nextDecision(of trial: TrialID) -> Int? { nil }
    public mutating func ended(_ trial: TrialID) {}
}
