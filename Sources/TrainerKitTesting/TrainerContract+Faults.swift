import FleetModel
import FoundationEssentials
import Wire

/// The promises about trainers that fail.
extension TrainerContract {
    /// Reports of a flood.
    private static let floodSteps = 20_000

    /// A run with the settings that provoke the fault; nil where there are none.
    private func failing(_ fault: Fault, steps: Int? = nil, silence: Double = 60) throws -> Rehearsal? {
        guard let settings = faults[fault] else { return nil }
        let run = try rehearsal(steps: steps, settings: settings, silence: silence)
        let code = try run.run()
        try expect(code == 0, "run exits 0; found \(code): \(run.complaint)")
        try expect(run.ending != nil, "the run has ended; found \(run.events.suffix(3))")
        try expect(!run.hasSurvivors, "nothing survives the run")
        return run
    }

    private func expectCause(
        _ run: Rehearsal, _ what: String, _ isRight: (RunFailure.Cause) -> Bool
    ) throws {
        guard case .failed(let failure) = run.ending, isRight(failure.cause) else {
            throw BrokenPromise("the run fails with \(what); found \(run.events.suffix(2))")
        }
    }

    func tellsNotANumber() throws {
        guard let run = try failing(.notANumber) else { return }
        try expectCause(run, "a value that is no number") { if case .notFinite = $0 { true } else { false } }
    }

    func tellsOutOfMemory() throws {
        guard let run = try failing(.outOfMemory) else { return }
        try expectCause(run, "exhausted memory") { if case .outOfMemory = $0 { true } else { false } }
    }

    func tellsSilence() throws {
        guard let run = try failing(.silence, silence: 3) else { return }
        try expectCause(run, "silence") { if case .silent = $0 { true } else { false } }
    }

    func publishesWhole() throws {
        guard let run = try failing(.partialCheckpoint) else { return }
        let told = Set(run.checkpoints.map { "step_\($0)" })
        let there = (try? FileManager.default.contentsOfDirectory(atPath: run.folder.checkpoints)) ?? []
        try expect(
            Set(there) == told, "what stands in checkpoints/ was told; found \(there.sorted()), told \(told)")
        if case .completed = run.ending { throw BrokenPromise("a trainer that died has not completed") }
    }

    func survivesNoise() throws {
        guard let run = try failing(.noise) else { return }
        try expect(run.ending == .completed, "the run completes; found \(run.events.suffix(2))")
        try expect(
            run.reports.last?.step == steps, "its last step is reported; found \(run.reports.suffix(1))")
    }

    func survivesFlood() throws {
        guard let run = try failing(.flood, steps: Self.floodSteps) else { return }
        try expect(run.ending == .completed, "the run completes; found \(run.events.suffix(2))")
        try expect(
            run.reports.count == Self.floodSteps,
            "each of \(Self.floodSteps) steps is reported; found \(run.reports.count)")
    }
}
