import FleetModel
import Search
import StudyCore

/// Where the hours went, and every trial.
extension ReportPage {
    var costs: Markup {
        let engine = record.engine
        let steps = engine.plan.method.steps
        let total = Cost(of: engine.trials, steps: steps, at: record.now)
        let each = engine.stages.map { Cost(of: $0.trials, steps: steps, at: record.now) }
        let longest = each.map { $0.gpuHours + $0.savedGpuHours }.max() ?? 0
        let rows = zip(engine.stages, each).map { stage, cost in
            Markup.element(
                "tr", [:],
                [
                    .element("th", ["scope": "row"], [Markup("stage \(stage.index)")]),
                    .element("td", ["class": "number"], [Markup(Self.hours(cost.gpuHours))]),
                    .element(
                        "td", ["class": "wide"],
                        [
                            Self.bar(
                                [
                                    ("bar", cost.completedGpuHours), ("bar pruned", cost.prunedGpuHours),
                                    ("bar other", cost.otherGpuHours), ("bar saved", cost.savedGpuHours),
                                ].map { ($0.0, longest > 0 ? $0.1 / longest : 0) })
                        ]),
                ])
        }
        let words =
            "\(Self.hours(total.gpuHours)) spent: \(Self.hours(total.completedGpuHours)) on trials that "
            + "completed, \(Self.hours(total.prunedGpuHours)) on pruned ones, "
            + "\(Self.hours(total.otherGpuHours)) on others. Pruning saved about "
            + "\(Self.hours(total.savedGpuHours)), had the pruned trials gone on at their pace. A CPU slot "
            + "counts as a GPU where there are none."
        return .element(
            "section", [:],
            [
                .element("h2", [:], ["Time and GPU hours"]), .element("p", [:], [Markup(words)]),
                .element(
                    "p", ["class": "key"],
                    [
                        .element("span", ["class": "swatch bar"]), "completed ",
                        .element("span", ["class": "swatch pruned"]), "pruned ",
                        .element("span", ["class": "swatch other"]), "other ",
                        .element("span", ["class": "swatch saved"]), "saved by pruning",
                    ]), .element("table", ["class": "bars"], rows),
            ])
    }

    private static func hours(_ hours: Double) -> String {
        hours >= 0.995 || hours == 0
            ? "\(Text.number(hours, digits: 3)) GPU hours"
            : "\(Text.number(hours * 60, digits: 3)) GPU minutes"
    }

    var table: Markup? {
        let engine = record.engine
        guard !engine.trials.isEmpty else { return nil }
        let names = engine.plan.space.parameters.map(\.name)
        let bests = record.bests
        let head =
            ["trial", "state", engine.plan.objective.metric, "steps"] + names + ["GPU minutes", "why"]
        let rows = engine.trials.map { trial in
            let entry = TrialRecord(of: trial, in: engine)
            let cells =
                [
                    entry.trial, entry.state, entry.value.map { Text.number($0, digits: 5) } ?? "",
                    "\(entry.steps)",
                ]
                + names.map { trial.assignment[$0].map(Text.value) ?? "" }
                + [Text.number(trial.slotSeconds(at: record.now) / 60, digits: 3), Self.reason(entry)]
            return Markup.element(
                "tr", ["class": bests.contains(trial.id) ? "best" : entry.state],
                cells.map { .element("td", [:], [Markup($0)]) })
        }
        return .element(
            "section", [:],
            [
                .element("h2", [:], ["Trials"]),
                .element("div", ["class": "scroll"], [.element("table", [:], [Self.head(head)] + rows)]),
            ])
    }

    /// Why it ended as it did; for a completed one, why it was tried.
    private static func reason(_ entry: TrialRecord) -> String {
        entry.state == "completed" || entry.why.isEmpty ? "tried: \(entry.proposedBecause)" : entry.why
    }

    private static func head(_ names: [String]) -> Markup {
        .element("tr", [:], names.map { .element("th", ["scope": "col"], [Markup($0)]) })
    }

    /// `wraps`: long cells are broken into lines.
    static func table(_ names: [String], _ rows: [[String]], wraps: Bool = false) -> Markup {
        .element(
            "div", ["class": "scroll"],
            [
                .element(
                    "table", wraps ? ["class": "words"] : [:],
                    [head(names)]
                        + rows.map { row in
                            .element("tr", [:], row.map { .element("td", [:], [Markup($0)]) })
                        })
            ])
    }
}
