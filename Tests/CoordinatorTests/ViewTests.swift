import FleetModel
import Foundation
import Search
import StudyCore
import Testing

@testable import coordinator

/// Views are pure, so they are compared as text with the files in `Snapshots`. To accept a change, run the
/// tests with `HPO_ACCEPT_SNAPSHOTS=1` and read the difference.
@Suite struct ViewTests {
    @Test func `the live view of a study in its second stage`() throws {
        try expect(
            LiveView.render(
                StudyStatus(of: try Self.midway(), at: Timestamp(seconds: 1060)), width: 110, height: 30),
            equals: "live-midway")
    }

    @Test func `the live view fits a small terminal`() throws {
        let lines = LiveView.render(
            StudyStatus(of: try Self.midway(), at: Timestamp(seconds: 1060)), width: 60, height: 16)
        #expect(lines.count <= 16)
        #expect(lines.allSatisfy { $0.count <= 60 })
        try expect(lines, equals: "live-small")
    }

    @Test func `the live view says why a trial waits before any node has answered`() throws {
        var engine = Engine(
            study: StudyID(rawValue: "waits-1")!, plan: try StudyFileTests.plan(StudyFileTests.right))
        _ = try engine.apply(Event(at: Timestamp(seconds: 1000), .started))
        try expect(
            LiveView.render(StudyStatus(of: engine, at: Timestamp(seconds: 1003)), width: 100, height: 30),
            equals: "live-waiting")
    }

    @Test func `the next trial says node by node what it waits for, and that GPUs cannot be told`() throws {
        let yaml = StudyFileTests.right.replacing(
            "resources: { parallel: 8, retries: 1 }", with: "resources: { gpus: 2, gpus_per_node: 2 }")
        var play = Play(try StudyFileTests.plan(yaml))
        let blind = "nvidia-smi failed, so its GPUs are not used: no driver"
        play.happen(.nodeSurveyed(node: .local, slots: [OfferedSlot(.cpu(index: 0))]))
        play.happen(.nodeSurveyed(node: NodeID(rawValue: "gpu1"), slots: [], failure: blind))
        let status = StudyStatus(of: play.engine, at: Timestamp(seconds: 1100))
        #expect(status.waiting == "a trial needs 2 slots (2 a node), 0 are free: \(blind)")
        #expect(
            status.waitingTrials.flatMap(\.lines) == [
                "  the next trial", "      gpu1: \(blind)",
                "      local: it offers this study 1 slot, and a trial needs 2 on a node",
            ])
    }

    @Test func `the last words of a study that was left`() throws {
        try expect(
            FinalReport.lines(of: try Self.midway(), .detached(running: 2), in: "/studies/right"),
            equals: "final-detached")
    }

    @Test func `the table of stages and its power laws`() throws {
        let engine = try Self.midway()
        try expect(
            FinalReport.lines(of: engine, .ended(.completed), in: "/studies/right"), equals: "final-completed"
        )
    }

    @Test func `the summary has one row a trial and quotes what needs it`() throws {
        try expect(Summary.csv(of: try Self.midway()).components(separatedBy: "\r\n"), equals: "summary")
    }

    @Test func `the plan of a study file`() throws {
        try expect(PlanPreview(of: try StudyFileTests.plan(StudyFileTests.right)).lines, equals: "plan")
    }

    @Test(arguments: [
        (0.0, "0:00"), (9.4, "0:09"), (725, "12:05"), (10_800, "3:00:00"), (183_600, "2d 03:00"),
    ])
    func `durations read as clocks`(seconds: Double, text: String) {
        #expect(Text.duration(seconds) == text)
    }

    @Test func `a sparkline spans its own range`() {
        #expect(Text.sparkline([3, 2, 1], width: 8) == "█▅▁")
        #expect(Text.sparkline([], width: 8) == "")
        #expect(Text.sparkline([1, 1], width: 8) == "▁▁")
    }

    /// A study of two stages: the first closed with one of each ending, the second running.
    static func midway() throws -> Engine {
        let yaml = StudyFileTests.right
            .replacing("resources: { parallel: 8, retries: 1 }", with: "resources: { parallel: 2 }")
            .replacing("budget: { trials: 10, gpu_hours: 2.5 }\n", with: "")
            .replacing("direction: maximize", with: "direction: minimize")
            .replacing("trials: 6", with: "trials: 4")
        var play = Play(try StudyFileTests.plan(yaml))
        play.complete(0, 1, losses: [3, 2.5, 2])
        play.complete(0, 0, losses: [3.5, 3, 2.25])
        play.end(0, 2, .failed(RunFailure(.crashed(exit: 3), lastLines: ["Traceback, \"quoted\""])))
        play.complete(0, 3, losses: [9])
        play.report(1, 0, losses: [1.9, 1.8, 1.75])
        play.report(1, 1, losses: [1.95])
        return play.engine
    }

    private func expect(_ lines: [String], equals name: String) throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "Snapshots/\(name).txt")
        let text = lines.joined(separator: "\n") + "\n"
        if ProcessInfo.processInfo.environment["HPO_ACCEPT_SNAPSHOTS"] == "1" {
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        let accepted = try? String(contentsOf: file, encoding: .utf8)
        #expect(text == accepted, "differs from \(file.lastPathComponent)")
    }
}

/// Events in the order of a real study, one second apart.
private struct Play {
    var engine: Engine
    private var clock = 1000.0
    private var ends: [RunID: Int] = [:]

    init(_ plan: Plan) {
        engine = Engine(study: StudyID(rawValue: "right-1")!, plan: plan)
        happen(.started)
        happen(
            .nodeSurveyed(node: .local, slots: [OfferedSlot(.cpu(index: 0)), OfferedSlot(.cpu(index: 1))]))
    }

    mutating func happen(_ what: Happening) {
        clock += 1
        _ = try? engine.apply(Event(at: Timestamp(seconds: clock), what))
    }

    private mutating func end(_ run: RunID) -> Int {
        ends[run, default: 0] += 1
        return ends[run]!
    }

    mutating func report(_ stage: Int, _ trial: Int, losses: [Double]) {
        let run = RunID(trial: TrialID(stage: stage, number: trial), attempt: 0)
        for (index, loss) in losses.enumerated() {
            let step = index == losses.count - 1 && losses.count > 2 ? 81 : (index + 1) * 20
            happen(
                .reported(
                    run: run, end: end(run),
                    report: Report(step: step, metrics: ["loss": Reading(loss)])))
        }
    }

    mutating func complete(_ stage: Int, _ trial: Int, losses: [Double]) {
        report(stage, trial, losses: losses)
        let run = RunID(trial: TrialID(stage: stage, number: trial), attempt: 0)
        happen(.checkpointSaved(run: run, end: end(run), name: "step_81", step: 81))
        end(stage, trial, .completed)
    }

    mutating func end(_ stage: Int, _ trial: Int, _ ending: RunEnding) {
        let run = RunID(trial: TrialID(stage: stage, number: trial), attempt: 0)
        happen(.runEnded(run: run, end: end(run), ending: ending))
    }
}
