import FleetModel
import StudyCore

/// What happened, line by line: `  12.345  node1  0.2#0 writes started`.
final class Tracer {
    private(set) var lines: [String] = []

    /// - Parameter now: virtual seconds.
    func note(_ now: Double, _ text: String) {
        let milliseconds = Int((now * 1000).rounded())
        let fraction = "\(1000 + milliseconds % 1000)".dropFirst()
        let whole = "\(milliseconds / 1000)"
        lines.append(
            String(repeating: " ", count: max(0, 6 - whole.count)) + "\(whole).\(fraction)  \(text)")
    }
}

// Short words for the trace: one line of it is read at a glance.

extension RunEvent {
    var short: String {
        switch self {
        case .started: "started"
        case .report(let report): "report of step \(report.step)"
        case .checkpoint(let name, _): "checkpoint \(name)"
        case .note(let text): "note \(text)"
        case .ended(let ending): "ended: \(ending.short)"
        }
    }
}

extension RunEnding {
    var short: String {
        switch self {
        case .completed: "completed"
        case .stopped: "stopped"
        case .failed(let failure): "failed, \(failure)"
        }
    }
}

extension RunStart {
    var short: String {
        switch self {
        case .fresh: "anew"
        case .warm(let checkpoint): "from \(checkpoint)"
        case .resume(let checkpoint): "again from \(checkpoint)"
        }
    }
}

extension Happening {
    var short: String {
        switch self {
        case .started: "the study is taken up"
        case .nodeSurveyed(let node, let slots, _):
            "\(node) offers \(slots.filter { $0.unavailable == nil }.map(\.slot))"
        case .nodeLost(let node): "\(node) is given up"
        case .runStarted(let run, let end): "\(run) started [\(end)]"
        case .reported(let run, let end, let report): "\(run) reports step \(report.step) [\(end)]"
        case .checkpointSaved(let run, let end, let name, _): "\(run) saved \(name) [\(end)]"
        case .noted(let run, let end, let text): "\(run) notes \(text) [\(end)]"
        case .runEnded(let run, let end, let ending): "\(run) ended: \(ending.short) [\(end)]"
        case .launchRefused(let run, let reason): "\(run) was refused: \(reason)"
        case .runMissing(let run): "\(run) is missing"
        case .checkpointKept(let stage): "the best of stage \(stage) is kept"
        case .checkpointArrived(let checkpoint, let node): "\(checkpoint) is on \(node)"
        case .checkpointUnreachable(let checkpoint, let node, let reason):
            "\(checkpoint) did not come to \(node): \(reason)"
        case .clockReached: "it is time"
        case .retryRequested(let trial, _): "a person wants \(trial) once more"
        case .stopRequested: "a person wants to pause"
        case .replanned: "a person changes the plan"
        case .inherited(let ancestry): "begins with \(ancestry.stages.count) stages of \(ancestry.study)"
        }
    }
}

extension [Effect] {
    var short: String { map(\.short).joined(separator: "; ") }
}

extension Effect {
    fileprivate var short: String {
        switch self {
        case .launch(let order): "launch \(order.run) on \(order.lease) \(order.start.short)"
        case .stop(let run, _, let reason): "stop \(run), \(reason.saves ? "paused" : "pruned")"
        case .keep(let checkpoint, _, let stage): "keep \(checkpoint) of stage \(stage)"
        case .bring(let checkpoint, let sources, let nodes): "bring \(checkpoint) from \(sources) to \(nodes)"
        case .remove(let checkpoints, let node):
            "remove \(checkpoints.map(\.description).joined(separator: ", ")) from \(node)"
        case .tell(let decision): decision.short
        case .record(let trial): "record \(trial)"
        case .wake: "wake"
        case .finish(let ending): "finish: \(ending)"
        }
    }
}

extension Decision {
    fileprivate var short: String {
        switch self {
        case .stageOpened(let stage, _): "stage \(stage) opens"
        case .narrowed(let stage, let windows):
            "stage \(stage) searches \(windows.map(\.parameter).joined(separator: ", ")) in narrower windows"
        case .proposed(let trial, _, let reason): "propose \(trial) (\(reason))"
        case .promoted(let trial, let standing): "\(trial) goes on (\(standing))"
        case .pruned(let trial, let reason): "\(trial) is pruned (\(reason))"
        case .completed(let trial, let loss, _, let position, let count):
            "\(trial) completed with \(loss.value), \(position) of \(count)"
        case .failed(let trial, _): "\(trial) failed"
        case .retried(let run, let failure, _): "\(run) is tried again (\(failure))"
        case .refused(let trial, let reason): "\(trial) waits (\(reason))"
        case .stageClosed(let stage, let best, let reason, _, _, _, _):
            "stage \(stage) closes, best \(best) (\(reason))"
        case .pilotJudged(let stage, let findings, let next):
            "the pilot of stage \(stage) goes on to \(next ?? findings.steps) (\(findings))"
        case .skipped(let stage, _, let reason): "stage \(stage) leaves one out (\(reason))"
        case .waiting(let trial, let standing): "\(trial) waits at its rung (\(standing))"
        case .finishing(let trial): "\(trial) goes on to the end"
        case .notRepeated(let trial, let difference, _): "\(trial) is not repeated (\(difference))"
        case .confirming(let stage, let trials): "stage \(stage) repeats \(trials)"
        case .fellBack(let stage, _): "stage \(stage) closes, nothing completed"
        case .budgetSpent(let spent): "\(spent)"
        case .exhausted(let stage, let trials, let count):
            "stage \(stage) is exhausted after \(trials) of \(count)"
        case .pausing(let running): "pausing \(running) runs"
        case .noted(_, let text): text
        case .replanned(let overrides): "the plan changes (\(overrides.count) overrides)"
        case .inherited(let study, let stages): "\(stages) stages are of \(study)"
        case .notBrought(let checkpoint, let node, _): "\(checkpoint) waits to come to \(node)"
        }
    }
}
