package import FleetModel
package import Spawn
package import Wire

/// What a run has come to so far, and how it ends. Pure: told what the trainer said, it answers the events
/// to write.
package struct RunCourse {
    /// Why the trainer is being stopped.
    package enum Stop: Hashable {
        case ordered
        /// It went on after the trial's last step.
        case complete
        case fault(RunFailure.Cause)
    }

    private let spec: RunSpec
    /// The first reason to stop; later ones change nothing.
    private(set) var stop: Stop?
    /// Metrics of a step whose objective is still to come. Steps grow strictly in `events.jsonl`, but many
    /// trainers print training and validation metrics of one step in two lines.
    ///
    /// Also a complete report of the trial's last step, until its checkpoint is there: what that takes belongs
    /// to the report, and nothing is decided after the last step.
    private var held: Report?
    private let savesCheckpoints: Bool
    /// What the trial's last checkpoint takes; nil before the first.
    package var checkpointMiB: Double?
    private var lastStep: Int
    private var hasObjective = false
    /// What was reported before the first objective.
    private var names: Set<String> = []
    private var refusal: String?
    private var outOfMemoryLine: String?
    private var lastLines: [String] = []
    private var notesLeft = 100
    /// The gravest of what the program's words mean if it fails.
    private var suspicion: RunFailure.Cause?
    /// Reports up to this step are repeated ones: the program was started again.
    private var repeatedUntil: Int?
    private var attestor: Attestor
    /// Metrics that end the run when they stop being numbers.
    private let finite: [String]

    package init(
        _ spec: RunSpec, expecting expectation: Expectation = Expectation(), savesCheckpoints: Bool = false
    ) {
        self.spec = spec
        self.savesCheckpoints = savesCheckpoints
        attestor = Attestor(expectation)
        finite = expectation.finite.union([spec.metric]).sorted()
        lastStep = spec.firstStep
    }

    /// Whether what the trainer still says can change nothing.
    var isDecided: Bool { stop != nil && stop != .ordered }

    package mutating func stop(for reason: Stop) {
        stop = stop ?? reason
    }

    /// Remembers a line of output for the failure's message.
    package mutating func saw(_ line: String, from stream: OutputStream) {
        if outOfMemoryLine == nil, OutOfMemory.isAdmitted(in: line) {
            outOfMemoryLine = String(line.prefix(400))
        }
        guard stream == .standardError else { return }
        lastLines.append(String(line.prefix(400)))
        if lastLines.count > 20 { lastLines.removeFirst() }
    }

    /// Remembers what it will mean if the program fails.
    mutating func suspect(_ cause: RunFailure.Cause) {
        if cause.gravity > suspicion?.gravity ?? 0 { suspicion = cause }
    }

    /// Whether the program, which has ended so, failed for want of memory alone.
    func ranOutOfMemory(at end: ProcessEnd) -> Bool {
        guard stop == nil, refusal == nil, end != .exit(0) else { return false }
        if case .outOfMemory = failure(orElse: .vanished) { return true }
        return false
    }

    /// The program starts again, perhaps from an earlier step.
    mutating func startAgain() {
        outOfMemoryLine = nil
        suspicion = nil
        lastLines = []
        held = nil
        repeatedUntil = lastStep
    }

    package mutating func take(_ event: RunEvent) -> [RunEvent] {
        switch event {
        case .report(let report): return take(report)
        case .checkpoint(_, let step):
            return (step == spec.steps && hasHeldObjective ? releaseHeld() : []) + [event]
        case .note(let text): return note(text)
        case .ended(.failed(let failure)):
            refusal = failure.description
            return []
        case .started, .ended: return []
        }
    }

    /// A note, of at most 500 letters; after a hundred, none.
    package mutating func note(_ text: String) -> [RunEvent] {
        guard notesLeft > 0 else { return [] }
        notesLeft -= 1
        let text = notesLeft > 0 ? String(text.prefix(500)) : "further notes are left out"
        return [.note(text: text.split(whereSeparator: \.isNewline).joined(separator: " "))]
    }
}

// MARK: - Reports

extension RunCourse {
    private mutating func take(_ report: Report) -> [RunEvent] {
        // Further metrics of a step that has had its objective.
        let isLate = report.step == lastStep && held == nil && report.metrics[spec.metric] == nil
        if isDecided || isLate { return [] }
        if let repeatedUntil, report.step <= repeatedUntil { return [] }
        if let fault = fault(in: report) { return note(fault) }
        if let discrepancy = attestor.judge(report) {
            held = nil
            stop(for: .fault(.misapplied(discrepancy)))
            return []
        }
        var report = report
        var events: [RunEvent] = []
        if let held, held.step == report.step {
            report = Report(
                step: held.step, metrics: held.metrics.merging(report.metrics) { $1 })
        } else {
            events = releaseHeld()
        }
        held = report
        for name in finite {
            guard let reading = report.metrics[name], case .notFinite = reading else { continue }
            stop(for: .fault(.notFinite(metric: name, step: report.step, reading: reading)))
        }
        guard hasHeldObjective else { return events }
        hasObjective = true
        return isCheckpointToCome ? events : events + releaseHeld()
    }

    private var hasHeldObjective: Bool { held?.metrics[spec.metric] != nil }

    /// Whether the report that is held waits for a checkpoint of its step.
    private var isCheckpointToCome: Bool {
        savesCheckpoints && stop == nil && held?.step == spec.steps
            && held?.metrics[StandardMetric.checkpointMiB.rawValue] == nil
    }

    /// Why a report is skipped. One beyond the trial's end also ends the run.
    private mutating func fault(in report: Report) -> String? {
        if report.step > spec.steps {
            stop(for: .complete)
            return "skipped the report of step \(report.step): the trial has \(spec.steps) steps"
        }
        let isAgain = hasHeldObjective && report.step == held?.step && report.metrics[spec.metric] != nil
        if report.step <= lastStep || report.step < held?.step ?? 0 || isAgain {
            let last = max(lastStep, held?.step ?? 0)
            return "skipped a report of step \(report.step): steps grow, the last one was \(last)"
        }
        if report.metrics.count > 256 || report.metrics.keys.contains(where: { $0.utf8.count > 200 }) {
            return "skipped the report of step \(report.step): more than 256 metrics or names over 200 bytes"
        }
        return nil
    }

    private mutating func releaseHeld() -> [RunEvent] {
        guard var report = held else { return [] }
        held = nil
        let size = StandardMetric.checkpointMiB.rawValue
        if let checkpointMiB, report.metrics[size] == nil {
            report = Report(
                step: report.step, metrics: report.metrics.merging([size: Reading(checkpointMiB)]) { $1 })
        }
        lastStep = report.step
        if !hasObjective, names.count < 256 { names.formUnion(report.metrics.keys) }
        return [.report(report: report)]
    }
}

// MARK: - The end

extension RunCourse {
    /// The last events, once the trainer has ended and all of its output was taken.
    package mutating func end(after end: ProcessEnd) -> [RunEvent] {
        var events = releaseHeld()
        let ending = ending(after: end)
        if ending == .completed, attestor.isUnanswered {
            events += note("the trainer never said which learning rate it used")
        }
        if ending == .completed, lastStep < spec.steps {
            events += note("the trainer ended by itself at step \(lastStep) of \(spec.steps)")
        }
        return events + [.ended(ending: ending)]
    }

    private func ending(after end: ProcessEnd) -> RunEnding {
        if let refusal { return failed(.refused(reason: refusal)) }
        switch (stop, end) {
        case (.fault(let cause), _): return failed(cause)
        case (.ordered, .exit(0)): return hasObjective && lastStep == spec.steps ? .completed : .stopped
        case (.ordered, _): return .stopped
        case (.complete, _), (nil, .exit(0)):
            return hasObjective || isSilentRank ? .completed : failed(.refused(reason: withoutObjective))
        case (nil, .exit(let code)): return failed(failure(orElse: .crashed(exit: Int(code))))
        case (nil, .signal(let signal)): return failed(failure(orElse: .killed(signal: Int(signal))))
        }
    }

    /// What a failed program's words mean; `cause` where they say nothing.
    private func failure(orElse cause: RunFailure.Cause) -> RunFailure.Cause {
        let said = [outOfMemoryLine.map { .outOfMemory(line: $0) }, suspicion].compactMap(\.self)
        return said.max { $0.gravity < $1.gravity } ?? cause
    }

    private func failed(_ cause: RunFailure.Cause) -> RunEnding {
        .failed(RunFailure(cause, lastLines: lastLines))
    }

    /// Of a gang the first node alone has to report.
    private var isSilentRank: Bool { (spec.gang?.rank ?? 0) > 0 }

    private var withoutObjective: String {
        let reported = names.isEmpty ? "nothing" : names.sorted().prefix(20).joined(separator: ", ")
        return "the trainer ended without reporting \(spec.metric); it reported: \(reported). "
            + "Name a metric that it reports as objective.metric, with steps from \(spec.firstStep + 1) to \(spec.steps)"
    }
}

extension RunFailure.Cause {
    /// Of several causes that a failed program names the gravest is taken for the first: one rank that runs
    /// out of memory leaves the others waiting until their communication fails.
    var gravity: Int {
        switch self {
        case .outOfMemory: 4
        case .notFinite: 3
        case .refused: 2
        default: 1
        }
    }
}
