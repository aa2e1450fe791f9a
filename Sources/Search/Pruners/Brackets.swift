import FleetModel

/// How trials are dealt to brackets that begin to compare ever later (Li et al. 2018, algorithm 1): bracket
/// `s` has the rungs from the `s`th on. A trial's bracket follows from its number alone.
struct Brackets: Hashable, Codable, Sendable {
    /// Steps of the rungs of bracket 0, rising; bracket `s` has those from index `s` on.
    let rungs: [Int]
    /// Where each bracket's share of the trials ends, rising; the last at 1.
    private let ends: [Double]

    /// Rungs at minStep · η^k below `maxStep`, where a trial ends anyway.
    /// - Parameter count: of brackets, at least 1; there are at most one more than rungs, the last without any.
    init(_ count: Int, minStep: Int, reductionFactor: Int, maxStep: Int) {
        precondition(minStep >= 1, "the first rung is at step 1 or later")
        precondition(reductionFactor >= 2, "a reduction factor is at least 2")
        precondition(maxStep >= 1, "a trial has at least one step")
        precondition(count >= 1, "there is at least one bracket")
        var rungs: [Int] = []
        var (step, overflow) = (minStep, false)
        while !overflow, step < maxStep {
            rungs.append(step)
            (step, overflow) = step.multipliedReportingOverflow(by: reductionFactor)
        }
        let trials = (0..<min(count, rungs.count + 1)).map { bracket in
            Self.trials(rungs: rungs.count - bracket, of: rungs.count, reductionFactor)
        }
        let sum = trials.reduce(0, +)
        self.rungs = rungs
        ends = trials.indices.map { trials[...$0].reduce(0, +) / sum }
    }

    var count: Int { ends.count }

    /// How many trials a bracket with so many rungs has in one round of the paper, which gives every bracket
    /// about the same steps: ⌈(s_max + 1) / (s + 1) · η^s⌉.
    private static func trials(rungs: Int, of most: Int, _ reductionFactor: Int) -> Double {
        let power = (0..<rungs).reduce(1.0) { power, _ in power * Double(reductionFactor) }
        return (Double(most + 1) * power / Double(rungs + 1)).rounded(.up)
    }

    /// Which bracket the trial with this number is in, from 0. Van der Corput's sequence deals out the
    /// shares evenly, also to the first few trials.
    func bracket(of number: Int) -> Int {
        guard count > 1 else { return 0 }
        let bits = SobolSequence.coordinate(of: UInt32(truncatingIfNeeded: number), dimension: 0)
        return ends.firstIndex { Double(bits) * 0x1p-32 < $0 } ?? count - 1
    }

    /// What reasons call the bracket: where there is only one it needs no number.
    func name(of bracket: Int) -> Int? { count > 1 ? bracket : nil }
}
