import FleetModel
import Search
import Simulation
import StudyCore
import Testing

/// A model that is fitted to a study gives studies like it.
@Suite struct FittingTests {
    /// Collects the reports of a simulated study, as its journal would have them.
    final class Reports {
        var timed: [TrialID: [PastStudy.TimedReport]] = [:]
    }

    struct Recorder: Checker {
        let reports: Reports

        mutating func wrote(_ entries: [Entry], _ engine: Engine) {
            for entry in entries {
                guard case .reported(let run, _, let report) = entry.event.what else { continue }
                reports.timed[run.trial, default: []].append(
                    PastStudy.TimedReport(
                        at: entry.event.at.seconds, attempt: run.attempt, report: report))
            }
        }
    }

    static let space = try! Space([
        Parameter("lr", .float(low: 1e-4, high: 1e-1, scale: .log)),
        Parameter("optimizer", .categorical(choices: [.string("adam"), .string("sgd")])),
    ])

    static func scenario(
        trials: Int, space: Space = space, direction: Direction = .minimize, pruner: PrunerKind = .off
    ) -> Scenario {
        let plan = Plan(
            name: "past",
            trainer: TrainerPlan(
                plugin: "scripted", settings: .object([:]), silenceSeconds: 600, graceSeconds: 30,
                baseFolder: "/"),
            objective: Objective(metric: "loss", direction: direction), space: space,
            method: .search(SearchMethod(trials: trials, steps: 81)), sampler: .random(RandomSampler()),
            pruner: pruner, seed: 5,
            resources: Resources(gpus: 1, gpusPerNode: 1, parallel: nil, retries: 2), budget: Budget(),
            keepBest: 1)
        var losses = LossModel()
        losses.noise = 0.02
        losses.trialNoise = 0.03
        losses.exponents = 0.45...0.55
        var trainer = TrainerModel()
        trainer.stepSeconds = 2.5
        trainer.startupSeconds = 20
        trainer.stepsPerReport = 3
        return Scenario(
            plan: plan, nodes: NodeOffer.machines(4, gpus: 4), trainer: trainer, losses: losses,
            faults: .none, seed: 5)
    }

    static func past(_ scenario: Scenario) -> (study: SimulatedStudy, past: PastStudy) {
        let reports = Reports()
        var study = SimulatedStudy(scenario, checkers: [Recorder(reports: reports)])
        study.run()
        return (study, PastStudy(study.engine) { reports.timed[$0] ?? [] })
    }

    @Test(arguments: [PrunerKind.off, .asha(ASHAPruner(minStep: 3, reductionFactor: 3, maxStep: 81))])
    func `the fit finds the curves that a study was made from`(pruner: PrunerKind) throws {
        let (_, past) = Self.past(Self.scenario(trials: 80, pruner: pruner))
        let fitted = try LossModel(like: past, in: Self.space)
        #expect((0.35...0.65).contains(fitted.exponents.lowerBound))
        #expect((0.35...0.65).contains(fitted.exponents.upperBound))
        #expect((3...5).contains(fitted.amplitude))
        #expect((0.013...0.03).contains(fitted.noise))
        #expect(fitted.divergence == 0)
    }

    @Test func `the fit finds how fast the trainer was`() {
        var trainer = TrainerModel()
        trainer.follow(Self.past(Self.scenario(trials: 40)).past)
        #expect((2.4...2.6).contains(trainer.stepSeconds))
        #expect((17...23).contains(trainer.startupSeconds))
        #expect((0.02...0.1).contains(trainer.stepSpread))
        #expect(trainer.stepsPerReport == 3)
        #expect(trainer.crashShare == 0 && trainer.vanishShare == 0)
    }

    @Test(arguments: [Direction.minimize, .maximize])
    func `a forecast like a study comes out as the study did`(direction: Direction) throws {
        let scenario = Self.scenario(trials: 60, direction: direction)
        let (study, past) = Self.past(scenario)
        var like = scenario
        like.losses = try LossModel(like: past, in: Self.space)
        like.trainer = TrainerModel()
        like.trainer.follow(past)
        let forecast = Forecast((0..<10).map { Outcome(simulating: like.seeded($0)) })
        let truth = Outcome(of: study)
        let hours = try #require(forecast.wallHours)
        #expect(abs(hours.median / (truth.seconds / 3600) - 1) < 0.1)
        let (best, found) = (try #require(forecast.bestLoss), try #require(truth.bestLoss))
        #expect(abs(best.median - found) < 0.15, "\(best) for \(found)")
        #expect((found > 0) == (direction == .minimize))
    }

    @Test func `what failed or diverged then will do so again`() throws {
        var scenario = Self.scenario(trials: 80)
        scenario.losses.divergesFrom = 0.7
        scenario.losses.divergence = 0.6
        scenario.trainer.crashShare = 0.2
        let past = Self.past(scenario).past
        let fitted = try LossModel(like: past, in: Self.space)
        #expect((0.65...0.9).contains(fitted.divergesFrom))
        #expect((0.3...0.9).contains(fitted.divergence))
        var trainer = TrainerModel()
        trainer.follow(past)
        #expect((0.1...0.3).contains(trainer.crashShare))
    }

    @Test func `parameters are known by name and value in another space`() throws {
        let past = Self.past(Self.scenario(trials: 60)).past
        let narrow = try Space([
            Parameter("lr", .float(low: 1e-3, high: 1e-2, scale: .log)),
            Parameter("dropout", .float(low: 0, high: 0.5, scale: .linear)),
        ])
        _ = try LossModel(like: past, in: narrow)
        let other = try Space([Parameter("width", .int(low: 1, high: 9, scale: .linear))])
        let unfit = #expect(throws: UnfitStudy.self) { try LossModel(like: past, in: other) }
        #expect(unfit?.description == "it has none of the parameters of this study: width")
    }

    @Test func `a study with next to no trials is refused`() {
        let past = Self.past(Self.scenario(trials: 2)).past
        let unfit = #expect(throws: UnfitStudy.self) { try LossModel(like: past, in: Self.space) }
        #expect(unfit == .tooFewTrials(2))
    }
}
