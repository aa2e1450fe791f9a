import FleetModel
import Spawn
import Testing
import Wire

@testable import TrainerKit

/// Faults of real trainers, planted one by one into what a run attests, and the honest courses beside them.
@Suite struct AttestationTests {
    /// Trial of 100 steps, learning rate 1e-4, 32 samples a step, from place 6,400 in the data; linear
    /// warm-up over 10 steps, then linear decay.
    private static let share: @Sendable (Int) -> Double = { step in
        step < 10 ? Double(step) / 10 : Double(100 - step) / 90
    }

    private func course(
        share: (@Sendable (Int) -> Double)? = Self.share, consumedSamples: Int? = 6_400
    ) throws -> RunCourse {
        let study = try #require(StudyID(rawValue: "s"))
        let spec = RunSpec(
            key: RunKey(study: study, run: RunID(trial: TrialID(stage: 1, number: 0), attempt: 0)),
            plugin: "p", settings: .object([:]), assignment: [:], start: .warm(from: "/c"), steps: 100,
            metric: "loss", seed: 1, slots: [], silenceSeconds: 1, graceSeconds: 1, baseFolder: "/")
        return RunCourse(
            spec,
            expecting: Expectation(
                learningRate: 1e-4, globalBatchSize: 32, consumedSamples: consumedSamples, share: share))
    }

    /// What an honest trainer of that trial attests at a step, changed by `fault`.
    private func report(
        _ step: Int, fault: (inout [Attestation.Quantity: Double]) -> Void = { _ in }
    ) -> RunEvent {
        var used: [Attestation.Quantity: Double] = [
            .learningRate: 1e-4 * Self.share(step - 1), .peakLearningRate: 1e-4, .globalBatchSize: 32,
            .consumedSamples: Double(6_400 + 32 * step), .schedulerSteps: Double(step - 1),
        ]
        fault(&used)
        let metrics = Attestation(used).metrics.merging(["loss": .value(2)]) { $1 }
        return .report(report: Report(step: step, metrics: metrics))
    }

    private func discrepancy(of course: consuming RunCourse, after events: [RunEvent]) -> Discrepancy? {
        for event in events { _ = course.take(event) }
        guard case .ended(.failed(let failure)) = course.end(after: .exit(0)).last,
            case .misapplied(let discrepancy) = failure.cause
        else { return nil }
        return discrepancy
    }

    @Test func `warm-up and decay raise no alarm`() throws {
        #expect(discrepancy(of: try course(), after: (1...100).map { report($0) }) == nil)
    }

    @Test func `a schedule that is not known here raises no alarm below its peak`() throws {
        #expect(discrepancy(of: try course(share: nil), after: (1...100).map { report($0) }) == nil)
    }

    @Test func `four printed digits raise no alarm where the tolerance says so`() {
        var attestor = Attestor(Expectation(learningRate: 7.37512e-4, tolerance: 1e-3) { _ in 1 })
        let report = Report(step: 3, metrics: ["learning_rate": .value(7.375e-4)])
        #expect(attestor.judge(report) == nil)
    }

    @Test func `steps that were skipped hold schedule and data back without alarm`() throws {
        let late = report(50) { used in
            used[.schedulerSteps] = 47
            used[.learningRate] = 1e-4 * Self.share(47)
        }
        #expect(discrepancy(of: try course(), after: [late]) == nil)
    }

    @Test func `the learning rate of the trial that it was started from is caught at the first report`()
        throws
    {
        let stale = report(1) { $0[.peakLearningRate] = 1e-3 }
        let found = try #require(discrepancy(of: try course(), after: [stale]))
        #expect(
            found == Discrepancy(.peakLearningRate, step: 1, found: .value(1e-3), expected: 1e-4))
        #expect("\(found)".contains("peak learning rate is 0.001, but this trial's is 0.0001"))
    }

    @Test func `a stale learning rate is caught by its value alone, below and above the trial's`() throws {
        for stale in [5e-5, 2e-4] {
            let used = report(11) { used in
                used[.peakLearningRate] = nil
                used[.learningRate] = stale
            }
            #expect(discrepancy(of: try course(), after: [used])?.quantity == .learningRate)
        }
    }

    @Test func `a stale learning rate above the peak of an unknown schedule is caught`() throws {
        let used = report(11) { used in
            used[.peakLearningRate] = nil
            used[.learningRate] = 2e-4
        }
        #expect(discrepancy(of: try course(share: nil), after: [used])?.quantity == .learningRate)
    }

    @Test func `the batch size of the trial that it was started from is caught`() throws {
        let stale = report(1) { $0[.globalBatchSize] = 8 }
        #expect(discrepancy(of: try course(), after: [stale])?.quantity == .globalBatchSize)
    }

    @Test func `a stale batch size is caught by the place in the data alone`() throws {
        let stale = report(5) { used in
            used[.globalBatchSize] = nil
            used[.consumedSamples] = 6_400 + 8 * 5
        }
        #expect(discrepancy(of: try course(), after: [stale])?.quantity == .consumedSamples)
        let places = [1, 2].map { step in report(step) { $0[.consumedSamples] = Double(8 * step) } }
        #expect(discrepancy(of: try course(consumedSamples: nil), after: places)?.step == 2)
    }

    @Test func `a schedule that is stepped twice is caught by its count and by its learning rate`() throws {
        let counted = report(20) { $0[.schedulerSteps] = 38 }
        #expect(discrepancy(of: try course(), after: [counted])?.quantity == .schedulerSteps)
        let silent = report(20) { used in
            used[.schedulerSteps] = nil
            used[.learningRate] = 1e-4 * Self.share(38)
        }
        #expect(discrepancy(of: try course(), after: [silent])?.quantity == .learningRate)
    }

    @Test func `a learning rate that is no number is caught`() throws {
        let broken = report(1) { $0[.learningRate] = .nan }
        #expect(discrepancy(of: try course(), after: [broken])?.found == .notFinite(.nan))
    }

    @Test func `what a wrong trial reported is not recorded`() throws {
        var course = try course()
        #expect(course.take(report(1) { $0[.globalBatchSize] = 8 }).isEmpty)
        #expect(course.isDecided)
    }

    @Test func `a trainer that attests nothing is noted, not failed`() throws {
        var course = try course()
        _ = course.take(.report(report: Report(step: 100, metrics: ["loss": .value(1)])))
        let events = course.end(after: .exit(0))
        #expect(events.last == .ended(ending: .completed))
        #expect(events.first == .note(text: "the trainer never said which learning rate it used"))
    }

    @Test func `a loss beside the objective ends the run when it stops being a number`() throws {
        let study = try #require(StudyID(rawValue: "s"))
        let spec = RunSpec(
            key: RunKey(study: study, run: RunID(trial: TrialID(stage: 0, number: 0), attempt: 0)),
            plugin: "p", settings: .object([:]), assignment: [:], start: .fresh, steps: 10, metric: "loss",
            seed: 1, slots: [], silenceSeconds: 1, graceSeconds: 1, baseFolder: "/")
        var course = RunCourse(spec, expecting: Expectation(finite: ["train"]))
        _ = course.take(.report(report: Report(step: 4, metrics: ["train": .notFinite(.nan)])))
        #expect(
            course.end(after: .exit(0)).last
                == .ended(
                    ending: .failed(
                        RunFailure(.notFinite(metric: "train", step: 4, reading: .notFinite(.nan))))))
    }
}
