import FleetModel
import StudyCore

/// What decided: the pilot, and why each stage searched where it did and chose what it chose.
extension ReportPage {
    /// nil where no pilot has come to the end of a segment.
    var pilot: Markup? {
        let engine = record.engine
        guard let stage = engine.stages.first(where: { !$0.pilot.isEmpty }), let last = stage.pilot.last,
            let rule = engine.plan.method.pilot
        else { return nil }
        let isOver = stage.segment == nil
        let rows = stage.pilot.map { findings in
            [
                "\(findings.steps)", "\(findings.trials)",
                findings.settled.map { "since step \($0)" } ?? "still changes",
                findings.orders.dropLast().last.map { Text.percent($0.agreement) } ?? "",
                Text.number(findings.noise),
            ]
        }
        let words =
            "How many steps a trial needs until its rank can be told. The pilot's trials, spread over the space, "
            + "trained until \(Text.percent(last.agreement)) of their pairs had stayed in their final order over "
            + "the last third; pairs closer than twice the noise do not count. Bounds: \(rule.fewest) to "
            + "\(rule.most) steps."
        let verdict =
            isOver
            ? (last.settled.map { $0 * 3 <= last.steps * 2 } == true
                ? "The order has stayed since step \(last.settled ?? 0): stages take \(stage.steps) steps."
                : "The order did not settle in time: stages take the most steps, \(stage.steps).")
            : "The pilot goes on, to step \(stage.segment ?? 0)."
        return section(
            "The pilot", words,
            [
                .element("p", ["class": "notice"], [Markup(verdict)]),
                .element("figure", [:], [Self.agreements(last, chosen: isOver ? stage.steps : nil)]),
                Self.table(
                    ["segment to step", "trials", "order", "pairs in order just before", "noise"], rows),
            ])
    }

    private static func agreements(_ findings: PilotFindings, chosen: Int?) -> Markup {
        let points = findings.orders.map { (Double($0.step), $0.agreement) }
        let steps = points.map(\.0) + [0, Double(findings.steps)]
        let frame = PlotFrame(width: 640, height: 220, x: (.linear, steps), y: (.linear, [0, 1]))
        let marks: [Markup?] = [
            frame.curve("border", [(0, findings.agreement), (Double(findings.steps), findings.agreement)]),
            findings.settled.flatMap { frame.upright("border", Double($0)) },
            frame.curve("fit", points, title: "pairs in their final order"),
        ]
        return frame.svg(
            "pairs of the pilot's trials in their final order", xLabel: "step",
            yLabel: "pairs in final order",
            marks.compactMap(\.self))
    }

    /// nil while no stage is closed.
    var decisions: Markup? {
        let engine = record.engine
        let words = Sentences(objective: engine.plan.objective)
        let rows = engine.stages.compactMap { stage -> [String]? in
            guard let choice = stage.choice else { return nil }
            return [
                "\(stage.index)", Self.words(stage.score), "\(choice.trial): \(words.line(choice.reason))",
                stage.windows.isEmpty
                    ? "as the study file says" : stage.windows.map(Sentences.line).joined(separator: "; "),
            ]
        }
        guard !rows.isEmpty, engine.plan.method.stageCount > 1 else { return nil }
        return section(
            "Why each stage chose what it chose",
            "By what its trials were scored, why its best was taken, and why it searched where it did.",
            [Self.table(["stage", "score", "best", "space"], rows, wraps: true)])
    }

    private static func words(_ score: StageScore) -> String {
        switch score {
        case .last: "the last loss"
        case .cooldown(let share): "the loss after a cooldown of \(Text.percent(share)) of the steps"
        case .forecast(let stages):
            "the loss forecast for \(stages == 1 ? "one stage" : "\(stages) stages") later"
        }
    }
}
