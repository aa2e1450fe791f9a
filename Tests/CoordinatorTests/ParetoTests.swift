import FleetModel
import Foundation
import Search
import StudyCore
import Testing
import Wire

@testable import coordinator

@Suite struct ParetoReportTests {
    private static let loss = Objective(metric: "validation_loss", direction: .minimize)
    private static let latency = Objective(metric: "inference_ms", direction: .minimize)
    private static let speed = Objective(metric: "tokens_per_second", direction: .maximize)

    private func front(_ values: [[Double]], _ objectives: [Objective]) -> ParetoFront {
        ParetoFront(
            of: values.enumerated().map { .init("\($0)", ["width": .int(8 * $0)], $1) }, by: objectives)
    }

    @Test func `the front, its order and its volume are those of the users' numbers`() {
        let front = front([[3, 10], [2, 40], [3, 20], [4, 50]], [Self.loss, Self.speed])
        // More tokens a second are better: trials 1 and 3 are beaten by none.
        #expect(front.points.map(\.trial) == ["1", "3", "2", "0"])
        #expect(front.points.map(\.isOnFront) == [true, true, false, false])
        #expect(front.reference == [4.2, 6])
        #expect(abs((front.hypervolume ?? 0) - (2.2 * 34 + 0.2 * 10)) < 1e-9)
        #expect(front.volumeWords == "hypervolume 76.8 up to validation_loss 4.2, tokens_per_second 6")
    }

    @Test func `what breaks a constraint is on no front, and what is no number is nowhere`() {
        let points = [
            ParetoFront.Point("good", [:], [3, 10]), .init("slow", [:], [1, 5], violation: 0.5),
            .init("broken", [:], [.nan, 1]), .init("short", [:], [1]),
        ]
        let front = ParetoFront(of: points, by: [Self.loss, Self.latency])
        #expect(front.points.map(\.trial) == ["good", "slow"])
        #expect(front.points.map(\.standing) == ["on the front", "breaks a constraint"])
        #expect(abs((front.hypervolume ?? 0) - 0.3 * 1) < 1e-9)
        let none = ParetoFront(of: [points[1]], by: [Self.loss, Self.latency])
        #expect(none.hypervolume == nil && none.reference.isEmpty && none.volumeWords == nil)
    }

    @Test func `the table names units, parameters and who is on the front`() {
        let front = front([[3, 10], [2, 40], [3, 20]], [Self.loss, Self.latency])
        #expect(
            front.table == [
                ["trial", "validation_loss", "inference_ms (ms)", "standing", "width"],
                ["1", "2", "40", "on the front", "8"], ["0", "3", "10", "on the front", "0"],
                ["2", "3", "20", "dominated", "16"],
            ])
    }

    @Test func `two objectives make one picture, four make six, and what comes from outside stays text`()
        throws
    {
        let hostile = Objective(metric: "</svg><script>", direction: .maximize)
        #expect(ParetoPlot(front: front([], [Self.loss, Self.latency])).panels.isEmpty)
        for (objectives, pictures) in [
            ([Self.loss, Self.latency], 1), ([Self.loss, Self.latency, Self.speed, hostile], 6),
        ] {
            let values = (0..<9).map { row in objectives.indices.map { Double((row * (2 * $0 + 3)) % 10 + 1) }
            }
            let front = front(values, objectives)
            let page = ReportPage(
                of: StudyRecord(engine: try ViewTests.midway(), curves: [:], now: Timestamp(seconds: 9)))
            let html = try #require(page.pareto(front)).source
            #expect(html.components(separatedBy: "<svg").count - 1 == pictures)
            #expect(html.contains("inference_ms (ms), lower is better") && html.contains("hypervolume"))
            #expect(!html.contains("<script") && Tags.areBalanced(html))
        }
    }

    @Test func `one trial, and trials that are all the same, make a picture too`() throws {
        for values in [[[2.0, 3.0]], [[2, 3], [2, 3]], [[1e300, 1], [-1e300, 1]]] {
            let file = try #require(ParetoPlot(front: front(values, [Self.loss, Self.latency])).file)
            #expect(!file.contains("nan") && !file.contains("inf ") && Tags.areBalanced(file))
        }
    }

    /// `PARETO_PICTURE=/tmp/x swift test --filter ParetoReport` writes pictures to look at.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["PARETO_PICTURE"] != nil))
    func `pictures to look at`() throws {
        let folder = ProcessInfo.processInfo.environment["PARETO_PICTURE"] ?? ""
        var g = SeededGenerator(seed: 1)
        let points = (0..<60).map { number -> ParetoFront.Point in
            let size = g.unit()
            let parameters = (1e5 * exp(5 * size)).rounded()
            let values = [2 + 1.5 * (1 - size) + g.unit(), 1 + 30 * size * size + 3 * g.unit(), parameters]
            return .init(
                "0-\(number)", ["width": .int(Int(64 * size)), "lr": .float(g.unit() / 100)], values,
                violation: values[1] > 25 ? 0.2 : 0)
        }
        let size = Objective(metric: "parameters", direction: .minimize)
        let page = ReportPage(
            of: StudyRecord(engine: try ViewTests.midway(), curves: [:], now: Timestamp(seconds: 9)))
        let style = Markup.style(ReportStyle.sheet).source
        for objectives in [[Self.loss, Self.latency], [Self.loss, Self.latency, size]] {
            let own = points.map {
                ParetoFront.Point(
                    $0.trial, $0.params, Array($0.values.prefix(objectives.count)), violation: $0.violation)
            }
            let html = page.pareto(ParetoFront(of: own, by: objectives))?.source ?? ""
            try Data("<!doctype html><meta charset=utf-8>\(style)<main>\(html)</main>".utf8)
                .write(to: URL(fileURLWithPath: "\(folder)/pareto-\(objectives.count).html"))
        }
    }
}

@Suite struct NeededMetricsTests {
    @Test
    func `an objective that the plugin does not measure is refused, with its place and the nearest name`()
        throws
    {
        let plan = try StudyFileTests.plan(StudyFileTests.right)
        let metric = plan.objective.metric
        func problems(_ metrics: [String]?) -> [Problem] {
            PluginVerdict(problems: [], coolsDown: true, metrics: metrics).unmeasured(of: plan)
        }
        #expect(problems(nil).isEmpty && problems([metric, "x"]).isEmpty)
        let problem = try #require(problems([metric + "e", "training_loss"]).first)
        #expect(problem.path == ["objective", "metric"] && problem.found == metric)
        #expect(problem.nearest == metric + "e")
        #expect(problem.expected.contains("training_loss"))
    }
}
