import ArgumentParser
import FleetModel
import Foundation
import StudyCore

/// `coordinator status`.
struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show how far a study is, also while it runs.",
        discussion: "Example: coordinator status deploy/studies/quickstart.yaml")

    @OptionGroup var options: StudyOptions
    @OptionGroup var home: CoordinatorHomeOptions
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let folder = try options.existingFolder()
        let engine = try options.engine()
        var status = StudyStatus(of: engine, at: .wallClock)
        if !engine.hasEnded {
            let known = Set(engine.nodes.filter { !$0.isLost }.map(\.id))
            let choice = engine.plan.resources.nodes
            status.warnings = UnenrolledNodes(of: choice, in: home.registry, known: known).warnings
        }
        if json { return try ResultsJSON.print(status) }
        print(LiveView.render(status, width: 200, height: 60).joined(separator: "\n"))
        if !status.waitingTrials.isEmpty {
            print((["", "waiting"] + status.waitingTrials.flatMap(\.lines)).joined(separator: "\n"))
        }
        if !status.warnings.isEmpty { print(([""] + status.warnings).joined(separator: "\n")) }
        let runs = folder.isLocked ? "a coordinator runs it now" : "no coordinator runs it now"
        print("\n\(runs); results in \(folder.path)")
    }
}

/// `coordinator best`.
struct Best: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the best trial of each stage; of several objectives the Pareto front.",
        discussion: "Example: coordinator best deploy/studies/quickstart.yaml --json")

    @OptionGroup var options: StudyOptions
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let engine = try options.engine()
        if let front = ParetoFront(of: engine) {
            if json { return try ResultsJSON.print(front) }
            guard !front.points.isEmpty else { throw Failure.failed("no trial has completed yet") }
            return print(front.lines.joined(separator: "\n"))
        }
        let schedule = Schedule(of: engine)
        if json { return try ResultsJSON.print(schedule) }
        guard !schedule.stages.isEmpty else {
            if let best = StudyStatus(of: engine, at: .wallClock).best {
                return print("so far \(best.trial)  \(schedule.metric) \(Text.number(best.value, digits: 5))")
            }
            throw Failure.failed("no trial has completed yet")
        }
        print(FinalReport.stageTable(schedule).joined(separator: "\n"))
    }
}

/// `coordinator trials`.
struct Trials: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the trials of a study, with what became of each and why.",
        discussion: "Example: coordinator trials deploy/studies/quickstart.yaml")

    @OptionGroup var options: StudyOptions
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let engine = try options.engine()
        let records = engine.trials.map { TrialRecord(of: $0, in: engine) }
        if json { return try ResultsJSON.print(records) }
        let rows = records.map { record in
            [
                record.trial, record.state, record.value.map { Text.number($0, digits: 5) } ?? "",
                "\(record.steps)", Text.assignment(record.params), record.why,
            ]
        }
        let head = ["trial", "state", engine.plan.objective.metric, "steps", "parameters", "why"]
        print(Text.table([head] + rows).joined(separator: "\n"))
    }
}
