import FleetModel
import Search
import StudyCore

/// Decisions, endings and reasons in one line each, numbers included.
struct Sentences {
    let objective: Objective

    func metric(_ loss: Loss) -> String { Text.number(loss.metric(objective.direction), digits: 5) }

    func line(_ decision: Decision) -> String {
        switch decision {
        case .stageOpened(let stage, nil): "stage \(stage) opens with new models"
        case .stageOpened(let stage, let from?): "stage \(stage) opens from \(place(from))"
        case .narrowed(let stage, let windows):
            "stage \(stage) searches " + windows.map(Self.line).joined(separator: "; ")
        case .proposed(let trial, let assignment, let reason):
            "\(trial) proposed: \(Text.assignment(assignment)) (\(reason))"
        case .promoted(let trial, let reason): "\(trial) goes on: \(reason.text(objective.direction))"
        case .pruned(let trial, let reason): "\(trial) pruned: \(reason.text(objective.direction))"
        case .completed(let trial, let loss, let last, let position, let count):
            "\(trial) completed: \(objective.metric) \(metric(last))"
                + (loss == last ? "" : ", forecast to become \(metric(loss))")
                + ", number \(position) of \(count)"
        case .failed(let trial, let failure): "\(trial) failed: \(line(failure))"
        case .retried(let run, let failure, let from):
            "\(run.trial) is tried again: \(failure); from "
                + (from.map { "its checkpoint of step \($0.step)" } ?? "its beginning")
        case .refused(let trial, let reason): "\(trial) waits: \(reason)"
        case .stageClosed(let stage, let best, let reason, let loss, let completed, let pruned, let failed):
            "stage \(stage) closed: best \(best) with \(objective.metric) \(metric(loss)), \(line(reason)) "
                + "(\(completed) completed, \(pruned) pruned, \(failed) failed)"
        case .skipped(let stage, let assignment, let reason):
            "stage \(stage) leaves out \(Text.assignment(assignment)): \(reason)"
        case .waiting(let trial, let standing): "\(trial) waits: \(standing.text(objective.direction))"
        case .finishing(let trial):
            "\(trial) goes on to the end: it came furthest, and no trial has completed"
        case .notRepeated(let trial, let difference, let noise):
            "\(trial) is not run with other seeds: it is \(Text.number(difference)) behind the best, and seeds "
                + "make \(Text.number(noise))"
        case .pilotJudged(let stage, let findings, let next): line(findings, next, stage: stage)
        case .confirming(let stage, let trials):
            "stage \(stage): \(trials.map(\.description).joined(separator: ", ")) run again with another seed"
        case .fellBack(let stage, let failed):
            "stage \(stage) closed without a result: of its trials \(failed) failed and none completed"
        case .budgetSpent(let spent): "\(line(spent)): nothing more is started"
        case .exhausted(let stage, let trials, let count):
            "stage \(stage) ends after \(trials) of \(count) trials: the sampler has nothing left to try"
        case .pausing(let running): "pausing: \(running) running trials save their state"
        case .noted(let run, let text): "\(run.trial): \(text)"
        case .replanned(let overrides):
            "the plan has changed: "
                + (overrides.isEmpty
                    ? "as in the study file" : overrides.map(\.words).joined(separator: ", "))
        case .inherited(let study, let stages):
            "begins with the first \(stages == 1 ? "stage" : "\(stages) stages") of \(study)"
        case .notBrought(let checkpoint, let node, let reason):
            "the checkpoint of \(place(checkpoint)) did not come to node \(node): \(reason); it is tried again"
        }
    }

    func line(_ reason: ChoiceReason) -> String {
        switch reason {
        case .lowest: "the \(objective.direction == .minimize ? "lowest" : "highest")"
        case .smoothed(let lowest, let difference, let noise):
            "best on the smoothed surface (\(lowest) is better by \(Text.number(difference)), "
                + "which noise of \(Text.number(noise)) explains)"
        case .cheaper(let best, let difference, let noise, let share):
            "as good as \(best) (apart by \(Text.number(difference)), noise \(Text.number(noise))) "
                + "and faster: \(Int((100 * share).rounded())) % of its time"
        case .mostEfficient(let gain, let cost, let metric):
            "the most for its cost: \(Text.number(gain, digits: 3)) more probability of the right token "
                + "for \(Text.number(cost, digits: 3)) more \(metric)"
        case .noGain(let most, let noise):
            "nothing gains more than the noise: at most \(Text.number(most, digits: 3)) of probability, "
                + "where seeds make \(Text.number(noise, digits: 3))"
        case .alone: "nothing else completed"
        }
    }

    func line(_ findings: PilotFindings, _ next: Int?, stage: Int) -> String {
        let order = findings.settled.map { "the order of the losses has stayed since step \($0)" }
        let found =
            "pilot of stage \(stage) after \(findings.steps) steps of \(findings.trials) trials: "
            + "\(order ?? "the order of the losses still changes") (noise \(Text.number(findings.noise)))"
        return found + (next.map { "; they go on to step \($0)" } ?? "; stages take \(findings.steps) steps")
    }

    private func place(_ checkpoint: Checkpoint) -> String {
        "trial \(checkpoint.run.trial), step \(checkpoint.step)"
    }

    func line(_ failure: TrialFailure) -> String {
        switch failure {
        case .run(let run): run.description
        case .infrastructure(let faults, let last): "\(faults) faults of the infrastructure, last: \(last)"
        case .noObjective(let metric, let reported):
            "it never reported \(metric) as a number; it reported "
                + (reported.isEmpty ? "nothing" : reported.joined(separator: ", "))
        }
    }

    func line(_ spent: BudgetSpent) -> String {
        switch spent {
        case .trials(let limit): "the budget of \(limit) trials is spent"
        case .gpuHours(let spent, let limit):
            "the budget of \(Text.number(limit)) GPU hours is spent (\(Text.number(spent)))"
        case .wallHours(let spent, let limit):
            "the budget of \(Text.number(limit)) hours is spent (\(Text.number(spent)))"
        }
    }

    func line(_ ending: TrialEnding) -> String {
        switch ending {
        case .completed: "completed"
        case .pruned(let reason): reason.text(objective.direction)
        case .failed(let failure): line(failure)
        case .cancelled(let ending): line(ending)
        }
    }

    func line(_ ending: StudyEnding) -> String {
        switch ending {
        case .completed: "completed"
        case .budgetSpent(let spent): line(spent)
        case .stopped: "paused by `coordinator stop`; `coordinator start` goes on"
        case .failed(.noResult(let stage, let trials, let failed, let example)):
            "no trial of stage \(stage) completed: of \(trials), \(failed) failed"
                + (example.map { "; the first was \($0), see `coordinator trials`" } ?? "")
        case .failed(.noCheckpoint(let stage, let best)):
            "the best trial of stage \(stage), \(best), left no checkpoint to start the next stage from"
        }
    }

    func line(_ holdup: WaitingTrial.Holdup) -> String {
        switch holdup {
        case .parallel(let limit): "\(limit) trials run, and no more may at once"
        case .closing: "the study starts nothing now"
        case .gangShort(let found, let wanted):
            "the gang needs \(wanted) nodes at once, \(wanted - found) more than have room"
        }
    }

    func line(_ obstacle: NodeObstacle) -> String {
        switch obstacle {
        case .lost: return "given up until it answers again"
        case .unknown(let why): return why
        case .tooSmall(let wanted, let slots):
            let offer = slots == 0 ? "no slot" : slots == 1 ? "1 slot" : "\(slots) slots"
            return "it offers this study \(offer), and a trial needs \(wanted) on a node"
        case .checkpointElsewhere(let nodes):
            return "the checkpoint to go on from is on \(nodes.map(\.rawValue).joined(separator: ", "))"
        case .short(let wanted, let free, let held, let unavailable, let slices):
            let ours = held > 0 ? ", \(held) held by this study" : ""
            let others = unavailable.map { "; \($0.slot): \($0.unavailable ?? "")" }.joined()
            return "\(free) of \(wanted) slots free\(ours)\(unused(slices))\(others)"
        }
    }

    /// Why free MIG devices do not help a trial of several GPUs.
    private func unused(_ slices: Int) -> String {
        guard slices > 0 else { return "" }
        return
            "; \(slices) MIG \(slices == 1 ? "device is" : "devices are") free beside that, and a trial of several "
            + "GPUs needs whole ones: CUDA gives a process one MIG device"
    }

    func line(_ wait: WaitReason) -> String {
        switch wait {
        case .noNode: "no node has answered yet"
        case .slotsBusy(let needed, let perNode, let free, let why, let slices):
            "a trial needs \(needed) slots (\(perNode) a node), \(free) are free\(unused(slices ?? 0))"
                + (why.map { ": \($0)" } ?? "")
        case .nodeGone(let node): "node \(node), which holds the checkpoint to start from, does not answer"
        case .checkpointOnItsWay(let checkpoint, let node):
            "the checkpoint of \(place(checkpoint)) is on its way to node \(node)"
        }
    }
}
