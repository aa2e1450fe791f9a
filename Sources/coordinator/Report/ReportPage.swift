import FleetModel
import Search
import StudyCore

/// A study on one page: HTML that needs nothing else, no script and no network.
struct ReportPage {
    let record: StudyRecord
    private let schedule: Schedule
    private let importance: Importance
    private let status: StudyStatus
    private var engine: Engine { record.engine }

    init(of record: StudyRecord) {
        self.record = record
        schedule = Schedule(of: record.engine)
        importance = Importance(of: record.engine)
        status = StudyStatus(of: record.engine, at: record.now)
    }

    var html: String {
        let head = Markup.element(
            "head", [:],
            [
                .void("meta", ["charset": "utf-8"]),
                .void("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
                .void(
                    "meta",
                    [
                        "http-equiv": "Content-Security-Policy",
                        "content": "default-src 'none'; style-src 'unsafe-inline'",
                    ]),
                .element("title", [:], [Markup("\(engine.study): report")]), .style(ReportStyle.sheet),
            ])
        let body = Markup.element("body", [:], [.element("main", [:], [summary] + sections)])
        return "<!doctype html>\n" + Markup.element("html", ["lang": "en"], [head, body]).source
    }

    private var sections: [Markup] {
        [
            ParetoFront(of: engine).flatMap(pareto), lineage, losses, pilot, decisions, maps, laws,
            importanceBars,
            costs, table,
        ].compactMap { $0 }
    }

    func section(_ title: String, _ words: String, _ parts: [Markup]) -> Markup {
        .element(
            "section", [:],
            [.element("h2", [:], [Markup(title)])]
                + (words.isEmpty ? [] : [.element("p", [:], [Markup(words)])]) + parts)
    }

    // MARK: summary

    private var summary: Markup {
        let words = Sentences(objective: engine.plan.objective)
        var facts = [
            ("state", status.phase.replacing("_", with: " ")),
            (
                "trials",
                "\(status.trials.completed) completed, \(status.trials.pruned) pruned, "
                    + "\(status.trials.failed) failed"
            ),
            ("wall time", Text.duration(status.elapsedSeconds)),
            ("GPU hours", Text.number(status.gpuHours, digits: 3)),
        ]
        if let best = engine.best, let loss = best.progress.latest ?? best.result {
            facts.insert(("best \(engine.plan.objective.metric)", words.metric(loss)), at: 0)
        }
        let cards = facts.map { name, value in
            Markup.element(
                "div", ["class": "card"],
                [.element("dt", [:], [Markup(name)]), .element("dd", [:], [Markup(value)])])
        }
        var parts: [Markup] = [
            .element("h1", [:], [Markup(engine.plan.name)]),
            .element(
                "p", ["class": "quiet"], [Markup("\(engine.study) · \(PlanPreview(of: engine.plan).shape)")]),
            .element("dl", ["class": "cards"], cards),
        ]
        if case .ended(let ending) = engine.phase, ending != .completed {
            parts.append(.element("p", ["class": "notice"], [Markup(words.line(ending))]))
        }
        return .element("header", [:], parts + [stages].compactMap(\.self))
    }

    private var stages: Markup? {
        guard !schedule.stages.isEmpty else { return nil }
        let rows = schedule.stages.map { entry in
            [
                "\(entry.stage)", "\(entry.firstStep)–\(entry.lastStep)", entry.trial,
                Text.number(entry.value, digits: 5), Text.assignment(entry.params),
            ]
        }
        return Self.table(["stage", "steps", "best", schedule.metric, "parameters"], rows)
    }

    // MARK: pictures

    private var lineage: Markup? {
        guard case .population = engine.plan.method else { return nil }
        return section(
            "Who came from whom",
            "A dot is a member's piece of training, and the line to it leads from the piece whose state it began "
                + "with; the thick line is the way of the best.",
            [.element("figure", [:], [LineageTree(of: engine).markup])])
    }

    private var losses: Markup? {
        LossPlot(record: record).markup.map { plot in
            section(
                engine.plan.method.stageCount > 1 ? "Loss over all stages" : "Loss of every trial",
                "The thick line is the path of the model that the study chose"
                    + (engine.plan.method.score.name == "cooldown"
                        ? ", dashed where its learning rate was taken down to score it" : "")
                    + "; thin lines are the other trials, paler where they were pruned.",
                [.element("figure", [:], [plot])])
        }
    }

    private var maps: Markup? {
        StageMaps(of: record, importance: importance).map { maps in
            section(
                maps.title,
                "Dark is good, within each stage; the ring is its best. Hollow: pruned or not done; a cross: "
                    + "failed. A dashed box is the space that the stage searched.",
                [.element("div", ["class": "maps"], maps.markups)])
        }
    }

    private var laws: Markup? {
        guard !schedule.powerLaws.isEmpty else { return nil }
        let charts = schedule.powerLaws.map { law in
            Markup.element(
                "figure", ["class": "law"],
                [
                    .element("figcaption", [:], [Markup(law.words)]), LawChart(of: law, in: engine).markup,
                    Self.shapes(of: law),
                ].compactMap(\.self))
        }
        return section(
            "How the optimum moves",
            "The best value for the steps that follow step t of one run: not the best peak of a whole run, "
                + "which rises with its tokens. Large dots are the stages' optima, each the middle of its good "
                + "trials (small dots: all completed ones); the band is the fit's 90 % interval by bootstrap, "
                + "solid where the evidence suffices, dashed where it does not.",
            [.element("div", ["class": "laws"], charts)])
    }

    /// The rival shapes; of too few stages there are none.
    private static func shapes(of law: ParameterLaw) -> Markup? {
        guard !law.shapes.isEmpty else { return nil }
        return table(
            ["shape", "AICc"],
            law.shapes.map { [$0.shape, $0.aicc.map { Text.number($0, digits: 3) } ?? "too few points"] })
    }

    private var importanceBars: Markup? {
        guard !importance.parameters.isEmpty else { return nil }
        let rows = importance.parameters.map { entry in
            Markup.element(
                "tr", [:],
                [
                    .element("th", ["scope": "row"], [Markup(entry.parameter)]),
                    .element("td", ["class": "number"], [Markup("\(Int((entry.share * 100).rounded())) %")]),
                    .element("td", ["class": "wide"], [Self.bar([("bar", entry.share)])]),
                ])
        }
        return section(
            "What matters",
            "The share of being among the best trials that each parameter explains by itself "
                + "(\(importance.method))"
                + (importance.stages.count > 1 ? ", the mean of \(importance.stages.count) stages." : "."),
            [.element("table", ["class": "bars"], rows)])
    }

    /// A bar of shares of the whole width.
    static func bar(_ parts: [(style: String, share: Double)]) -> Markup {
        var x = 0.0
        let boxes = parts.map { part in
            defer { x += part.share * 400 }
            return Markup.element(
                "rect",
                [
                    "class": part.style, "x": PlotFrame.short(x), "y": "3",
                    "width": PlotFrame.short(max(0, part.share * 400)), "height": "12",
                ])
        }
        return .element(
            "svg", ["viewBox": "0 0 400 18", "width": "400", "height": "18", "aria-hidden": "true"], boxes)
    }
}
