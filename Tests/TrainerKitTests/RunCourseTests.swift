import FleetModel
import Spawn
import Testing
import TrainerKit
import Wire

/// The judgement alone, without processes.
@Suite struct RunCourseTests {
    private func course(
        steps: Int = 10, start: RunSpec.Start = .fresh, savesCheckpoints: Bool = false
    ) throws -> RunCourse {
        let study = try #require(StudyID(rawValue: "s"))
        return RunCourse(
            RunSpec(
                key: RunKey(study: study, run: RunID(trial: TrialID(stage: 0, number: 0), attempt: 0)),
                plugin: "p", settings: .object([:]), assignment: [:], start: start, steps: steps,
                metric: "loss", seed: 1, slots: [], silenceSeconds: 1, graceSeconds: 1, baseFolder: "/"),
            savesCheckpoints: savesCheckpoints)
    }

    private func report(_ step: Int, _ metrics: [String: Double]) -> RunEvent {
        .report(report: Report(step: step, metrics: metrics.mapValues { Reading($0) }))
    }

    @Test func `a report without the metric waits for the rest of its step`() throws {
        var course = try course()
        #expect(course.take(report(1, ["train": 2])).isEmpty)
        #expect(course.take(report(1, ["loss": 1])) == [report(1, ["train": 2, "loss": 1])])
        #expect(course.take(report(2, ["train": 2])).isEmpty)
        #expect(course.take(report(3, ["loss": 1])) == [report(2, ["train": 2]), report(3, ["loss": 1])])
    }

    @Test func `a report that waits is written at the end`() throws {
        var course = try course(steps: 1)
        _ = course.take(report(1, ["train": 2]))
        #expect(course.end(after: .exit(1)).first == report(1, ["train": 2]))
    }

    @Test func `reports say what the last checkpoint takes, that of the last step what its own does`() throws
    {
        var course = try course(savesCheckpoints: true)
        #expect(course.take(report(4, ["loss": 3])) == [report(4, ["loss": 3])])
        course.checkpointMiB = 2
        #expect(course.take(report(8, ["loss": 2])) == [report(8, ["loss": 2, "checkpoint_mib": 2])])
        #expect(course.take(report(10, ["loss": 1])).isEmpty)
        // A second evaluation of the last step changes nothing.
        #expect(
            course.take(report(10, ["loss": 7])).allSatisfy { if case .note = $0 { true } else { false } })
        course.checkpointMiB = 3
        let saved = RunEvent.checkpoint(name: "step_10", step: 10)
        #expect(course.take(saved) == [report(10, ["loss": 1, "checkpoint_mib": 3]), saved])
        #expect(course.end(after: .exit(0)) == [.ended(ending: .completed)])
    }

    @Test func `the last report comes without its checkpoint where there is none to come`() throws {
        for saves in [false, true] {
            var course = try course(savesCheckpoints: saves)
            let told = course.take(report(10, ["loss": 1, "checkpoint_mib": 5]))
            #expect(told == [report(10, ["loss": 1, "checkpoint_mib": 5])])
        }
        var course = try course(savesCheckpoints: true)
        #expect(course.take(report(10, ["loss": 1])).isEmpty)
        #expect(course.end(after: .exit(0)) == [report(10, ["loss": 1]), .ended(ending: .completed)])
    }

    @Test func `a resumed trial counts on`() throws {
        var course = try course(start: .resume(from: "/c", step: 5))
        #expect(course.take(report(5, ["loss": 1])).count == 1)
        #expect(course.take(report(6, ["loss": 1])) == [report(6, ["loss": 1])])
    }

    @Test func `what a trainer does after a stop order is not held against it`() throws {
        for end in [ProcessEnd.exit(0), .exit(1), .signal(9)] {
            var course = try course()
            course.stop(for: .ordered)
            course.saw("MemoryError", from: .standardError)
            #expect(course.end(after: end) == [.ended(ending: .stopped)])
        }
    }

    @Test func `a trainer that was done when the order came is complete`() throws {
        var course = try course()
        _ = course.take(report(10, ["loss": 1]))
        course.stop(for: .ordered)
        #expect(course.end(after: .exit(0)) == [.ended(ending: .completed)])
    }

    @Test func `of a gang the first node alone has to report`() throws {
        for rank in [0, 1] {
            let study = try #require(StudyID(rawValue: "s"))
            let gang = Gang(nodes: 2, rank: rank, masterAddress: "a", masterPort: 1)
            var course = RunCourse(
                RunSpec(
                    key: RunKey(study: study, run: RunID(trial: TrialID(stage: 0, number: 0), attempt: 0)),
                    plugin: "p", settings: .object([:]), assignment: [:], start: .fresh, steps: 10,
                    metric: "loss", seed: 1, slots: [], gang: gang, silenceSeconds: 1, graceSeconds: 1,
                    baseFolder: "/"))
            #expect((course.end(after: .exit(0)).last == .ended(ending: .completed)) == (rank == 1))
        }
    }

    @Test func `the first reason to stop is the one that counts`() throws {
        var course = try course()
        course.stop(for: .fault(.silent(seconds: 1)))
        course.stop(for: .ordered)
        #expect(
            course.end(after: .signal(15)).last == .ended(ending: .failed(RunFailure(.silent(seconds: 1)))))
    }

    @Test func `twenty last lines of stderr are kept, none of stdout`() throws {
        var course = try course()
        for number in 0..<50 { course.saw("line \(number)", from: .standardError) }
        course.saw("answer", from: .standardOutput)
        guard case .ended(.failed(let failure)) = course.end(after: .exit(1)).last else {
            Issue.record("it did not fail")
            return
        }
        #expect(failure.lastLines == (30..<50).map { "line \($0)" })
    }

    @Test func `notes are bounded and one line each`() throws {
        var course = try course()
        let notes = (0..<500).flatMap { _ in course.note("two\nlines") }
        #expect(notes.count == 100)
        #expect(notes.first == .note(text: "two lines"))
        #expect(notes.last == .note(text: "further notes are left out"))
    }
}

@Suite struct LineCutterTests {
    @Test func `lines end at newlines and carriage returns, and empty ones are left out`() {
        var cutter = LineCutter()
        #expect(cutter.take(Array("a\r\n\nb\rc".utf8)[...]) == ["a", "b"])
        #expect(cutter.take(Array("d\n".utf8)[...]) == ["cd"])
        #expect(cutter.finish() == nil)
    }

    @Test func `an enormous line is cut and the next one is whole`() {
        var cutter = LineCutter()
        for _ in 0..<100 { #expect(cutter.take(Array(repeating: 120, count: 10_000)[...]).isEmpty) }
        let lines = cutter.take(Array("\nnext\n".utf8)[...])
        #expect(lines.map(\.utf8.count) == [LineCutter.longest, 4])
    }

    @Test func `bytes that are no text are replaced`() {
        var cutter = LineCutter()
        #expect(cutter.take([0xff, 0x00, 0x0a]) == ["\u{FFFD}\u{0}"])
    }
}

@Suite struct OutOfMemoryTests {
    @Test(arguments: [
        "RuntimeError: CUDA out of memory. Tried to allocate", "MemoryError", "x std::bad_alloc",
        "mmap: Cannot allocate memory",
    ])
    func `memory that ran out is recognised`(_ line: String) {
        #expect(OutOfMemory.isAdmitted(in: line))
    }

    @Test(arguments: ["", "M", "memory", "MemoryErro", "CUDA out of luck", "no Cannot allocate memor"])
    func `other lines are not`(_ line: String) {
        #expect(!OutOfMemory.isAdmitted(in: line))
    }
}
