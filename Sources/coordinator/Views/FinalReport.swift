import FleetModel
import StudyCore

/// What stands on the terminal when `coordinator start` ends.
enum FinalReport {
    static func lines(of engine: Engine, _ outcome: StudyLoop.Outcome, in folder: String) -> [String] {
        switch outcome {
        case .detached(let running):
            return [
                "", "left the study as it is: \(running) runs go on under the agent.",
                "`coordinator start` goes on with it, `coordinator stop` pauses it.",
            ]
        case .ended(let ending):
            let words = Sentences(objective: engine.plan.objective).line(ending)
            return ["", "\(engine.study): \(words)"] + results(of: engine) + [
                "", "everything is in \(folder)",
            ]
        }
    }

    private static func results(of engine: Engine) -> [String] {
        if let front = ParetoFront(of: engine), !front.points.isEmpty { return [""] + front.lines }
        let schedule = Schedule(of: engine)
        guard !schedule.stages.isEmpty else { return [] }
        return [""] + stageTable(schedule) + laws(schedule)
    }

    /// How each parameter moves, in a sentence each.
    static func laws(_ schedule: Schedule) -> [String] {
        schedule.powerLaws.isEmpty ? [] : [""] + schedule.powerLaws.map(\.words)
    }

    /// One row a stage.
    static func stageTable(_ schedule: Schedule) -> [String] {
        let rows = schedule.stages.map { entry in
            [
                "\(entry.stage)", "\(entry.firstStep)–\(entry.lastStep)", entry.trial,
                Text.number(entry.value, digits: 5), Text.assignment(entry.params),
            ]
        }
        return Text.table([["stage", "steps", "best", schedule.metric, "parameters"]] + rows)
    }
}
