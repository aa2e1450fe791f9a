import FleetModel
import StudyCore

/// What the processes of runs do.
extension SimulatedStudy {
    /// A gang whose members are not all there after so long gives up.
    private static let rendezvousSeconds = 30.0
    /// A process that has said its last word needs up to so long to be gone.
    private static let farewellSeconds = 0.5

    private func plan(_ node: Int, _ run: Int) -> Occurrence {
        .trainer(node: node, run: run, generation: nodes[node].runs[run].generation)
    }

    /// What was planned for the process does not happen; this does.
    private mutating func replan(_ run: Int, of node: Int, after seconds: Double) {
        nodes[node].runs[run].generation += 1
        heap.push(plan(node, run), at: now + seconds)
    }

    mutating func startTrainer(_ run: Int, of node: Int) {
        guard nodes[node].runs[run].isLead else {
            nodes[node].runs[run].phase = .training
            return
        }
        let order = nodes[node].runs[run].order
        let trial = order.run.trial
        if curves[trial] == nil {
            curves[trial] = LossCurve(
                scenario.losses, order.assignment, in: scenario.plan.space, of: trial, steps: order.steps)
        }
        let seconds = nodes[node].runs[run].course.startupSeconds(scenario.trainer)
        replan(run, of: node, after: seconds)
    }

    mutating func advanceTrainer(_ node: Int, _ run: Int, _ generation: Int) {
        guard nodes[node].runs[run].generation == generation, nodes[node].runs[run].processIsThere else {
            return
        }
        // The next line does not fit on the disk: the trainer dies of it.
        if nodes[node].diskIsFull { return kill(run, of: node) }
        switch nodes[node].runs[run].phase {
        case .starting: beginTraining(run, of: node)
        case .training: goOn(run, of: node)
        case .hanging: end(run, of: node, .failed(RunFailure(.silent(seconds: silenceSeconds))))
        case .leaving, .gone: kill(run, of: node)
        }
    }

    private var silenceSeconds: Double { scenario.plan.trainer.silenceSeconds }

    private mutating func beginTraining(_ run: Int, of node: Int) {
        guard membersAreThere(of: nodes[node].runs[run].order) else {
            guard now < nodes[node].runs[run].launchedAt + Self.rendezvousSeconds else {
                return end(
                    run, of: node, .failed(RunFailure(.node(reason: "a member of the gang did not come"))))
            }
            return replan(run, of: node, after: 1)
        }
        write(.started, run, of: node)
        nodes[node].runs[run].phase = .training
        if nodes[node].runs[run].stop != nil { return obeyStop(run, of: node) }
        planNext(run, of: node)
    }

    /// The next step at which the run has something to say, or fails.
    private func nextStep(_ run: SimulatedRun) -> Int {
        let every = scenario.trainer.stepsPerReport
        let handover = run.order.steps - run.order.cooldown
        let end = run.step < handover ? handover : run.order.steps
        let report = min((run.step / every + 1) * every, end)
        guard let fault = run.course.fault, fault.step > run.step else { return report }
        return min(report, fault.step)
    }

    private mutating func planNext(_ run: Int, of node: Int) {
        let steps = max(0, nextStep(nodes[node].runs[run]) - nodes[node].runs[run].step)
        let seconds = nodes[node].runs[run].course.seconds(ofSteps: steps, scenario.trainer)
        replan(run, of: node, after: seconds)
    }

    /// The steps planned are done.
    private mutating func goOn(_ run: Int, of node: Int) {
        if nodes[node].runs[run].stop != nil { return endStopped(run, of: node) }
        let steps = nodes[node].runs[run].order.steps
        let step = max(nodes[node].runs[run].step, nextStep(nodes[node].runs[run]))
        if let fault = nodes[node].runs[run].course.fault, fault.step <= step {
            return fail(run, of: node, fault.kind)
        }
        guard membersAreThere(of: nodes[node].runs[run].order) else {
            return end(run, of: node, .failed(RunFailure(.node(reason: "a member of the gang is gone"))))
        }
        if nodes[node].runs[run].step < steps {
            nodes[node].runs[run].step = step
            guard report(run, of: node) else { return }
        }
        saveWhereDue(run, of: node)
        if step >= steps { return end(run, of: node, .completed) }
        planNext(run, of: node)
    }

    /// False where the loss was no number, which ends the run.
    private mutating func report(_ run: Int, of node: Int) -> Bool {
        let order = nodes[node].runs[run].order
        let step = nodes[node].runs[run].step
        guard let curve = curves[order.run.trial] else { preconditionFailure("a launched trial has a curve") }
        let metric = scenario.plan.objective.metric
        let loss = curve.loss(at: step)
        let sign = scenario.plan.objective.direction == .minimize ? 1.0 : -1.0
        let reading = Reading(sign * loss)
        let report = Report(step: step, metrics: [metric: reading])
        write(.report(report.stamped(after: now - nodes[node].runs[run].launchedAt)), run, of: node)
        guard case .notFinite = reading else { return true }
        end(
            run, of: node,
            .failed(RunFailure(.notFinite(metric: metric, step: step, reading: reading))))
        return false
    }

    private mutating func saveWhereDue(_ run: Int, of node: Int) {
        let step = nodes[node].runs[run].step
        let order = nodes[node].runs[run].order
        let isLast = step >= order.steps || step == order.steps - order.cooldown
        let isDue = scenario.trainer.stepsPerCheckpoint.map { step % $0 == 0 } ?? false
        if isLast || isDue { save(run, of: node) }
    }

    private mutating func save(_ run: Int, of node: Int) {
        let (id, step) = (nodes[node].runs[run].id, nodes[node].runs[run].step)
        let checkpoint = Checkpoint(run: id, name: "step_\(step)", step: step)
        guard nodes[node].checkpoints.insert(checkpoint).inserted else { return }
        saw(FleetSight(.saved(checkpoint, nodes[node].id)))
        write(.checkpoint(name: checkpoint.name, step: step), run, of: node)
    }

    // MARK: The end

    private mutating func fail(_ run: Int, of node: Int, _ fault: TrainerCourse.Fault) {
        switch fault {
        case .crash: end(run, of: node, .failed(RunFailure(.crashed(exit: 1))))
        case .outOfMemory: end(run, of: node, .failed(RunFailure(.outOfMemory(line: "out of memory"))))
        case .vanish: kill(run, of: node)
        case .hang:
            nodes[node].runs[run].phase = .hanging
            replan(run, of: node, after: silenceSeconds)
        }
    }

    /// A stop order is in the folder.
    mutating func obeyStop(_ run: Int, of node: Int) {
        guard nodes[node].runs[run].isLead else {
            // A member ends with its lead; without one it obeys by itself.
            if !leadIsThere(of: nodes[node].runs[run].order) { kill(run, of: node) }
            return
        }
        guard case .training = nodes[node].runs[run].phase else { return }
        replan(run, of: node, after: random.draw(0...max(0.001, scenario.trainer.stepSeconds)))
    }

    private mutating func endStopped(_ run: Int, of node: Int) {
        if nodes[node].runs[run].stop?.saves == true, nodes[node].runs[run].step > 0 { save(run, of: node) }
        end(run, of: node, .stopped)
    }

    private mutating func end(_ run: Int, of node: Int, _ ending: RunEnding) {
        write(.ended(ending), run, of: node)
        leave(run, of: node, after: random.draw(0...Self.farewellSeconds))
    }

    mutating func leave(_ run: Int, of node: Int, after seconds: Double) {
        nodes[node].runs[run].phase = .leaving
        replan(run, of: node, after: seconds)
    }

    /// The process is gone; the agent, where there is one, notices within a second.
    mutating func kill(_ run: Int, of node: Int) {
        guard nodes[node].runs[run].processIsThere else { return }
        nodes[node].runs[run].phase = .gone
        let id = nodes[node].runs[run].id
        tracer?.note(now, "\(nodes[node].id)  the process of \(id) is gone")
        saw(FleetSight(.gone(id, nodes[node].id)))
        let delay = nodes[node].runs[run].hasEnded ? 0.002 : random.draw(0.02...1)
        heap.push(.look(node: node, run: run), at: now + delay)
        if nodes[node].runs[run].isLead { killMembers(of: nodes[node].runs[run].order) }
    }

    // MARK: Gangs

    private func members(of order: RunOrder) -> [(node: Int, run: Int?)] {
        order.lease.parts.map { part in
            let node = nodeIndex[part.node]!
            return (node, nodes[node].run(order.run))
        }
    }

    private func membersAreThere(of order: RunOrder) -> Bool {
        guard order.lease.parts.count > 1 else { return true }
        return members(of: order).allSatisfy { node, run in
            run.map { nodes[node].runs[$0].processIsThere } ?? false
        }
    }

    private func leadIsThere(of order: RunOrder) -> Bool {
        guard let lead = members(of: order).first, let run = lead.run else { return false }
        return nodes[lead.node].runs[run].processIsThere
    }

    private mutating func killMembers(of order: RunOrder) {
        guard order.lease.parts.count > 1 else { return }
        for (node, run) in members(of: order).dropFirst() {
            if let run { kill(run, of: node) }
        }
    }
}
