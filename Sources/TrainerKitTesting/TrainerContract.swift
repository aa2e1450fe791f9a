public import FleetModel
import FoundationEssentials
import Glibc
public import Wire

/// What every plugin promises, as tests that a plugin's author runs on the built executable:
///
///     @Test(arguments: TrainerContract.Promise.allCases)
///     func `mine keeps the contract`(_ promise: TrainerContract.Promise) throws {
///         try TrainerContract(plugin: "/path/of/mine", settings: ["layers": 2]).verify(promise)
///     }
public struct TrainerContract: Sendable {
    public enum Promise: String, CaseIterable, Sendable, CustomStringConvertible {
        case saysHello = "describe starts with a hello"
        case acceptsGoodSettings = "check finds nothing wrong with good settings"
        case refusesUnknownSetting = "check names an unknown setting"
        case completes = "a run reports with growing steps up to its last, and completes"
        case supervisesOnce = "a second process on a folder leaves no trace"
        case obeysStop = "a stop order ends the run and nothing survives"
        case toldAsVanished = "a killed plugin's folder says vanished at the next start, and nothing survives"
        case repeats = "the same seed gives the same metric at the same steps"
        case savesWhenStopped = "a stop order with save leaves a checkpoint"
        case startsWarm = "a trial starts from another's checkpoint and counts from its own first step"
        case resumes = "a trial goes on from its checkpoint after that step"
        case refusesGarbage = "a garbage spec.json ends with one sentence"
        case tellsNotANumber = "an objective that is no number ends the run with that as its reason"
        case tellsOutOfMemory = "memory that ran out is told as that"
        case tellsSilence = "a trainer without a word is ended"
        case publishesWhole = "a checkpoint that was cut off is not published"
        case survivesNoise = "noise among its output does no harm"
        case survivesFlood = "of twenty thousand reports none is lost"

        public var description: String { rawValue }
    }

    /// Path of the plugin's executable.
    public let plugin: String
    /// Settings with which a run of `steps` steps reports `metric` at its last step and takes seconds.
    public var settings: JSON
    public var assignment: Assignment
    public var metric: String
    public var steps: Int
    /// So many steps that a run is far from its end after a minute.
    public var endlessSteps: Int
    /// Whether it saves checkpoints with these settings, one of them before the last step. If not, the
    /// promises about them are not tested.
    public var makesCheckpoints: Bool
    /// Whether equal seeds give equal values of `metric` with these settings.
    public var isDeterministic: Bool
    /// Absolute; relative paths in the settings start there.
    public var baseFolder: String
    /// A run that says nothing for longer than this is ended.
    public var silenceSeconds = 60.0
    /// Settings that make the trainer fail in these ways; ways that are not here are not tested.
    public var faults: [Fault: JSON] = [:]

    /// A way to fail that settings may provoke.
    public enum Fault: String, CaseIterable, Sendable {
        /// The objective is no number at some step.
        case notANumber
        case outOfMemory
        /// After its first words it hangs.
        case silence
        /// It dies while it saves.
        case partialCheckpoint
        /// It writes binary noise and lines without an end among its reports, and goes on.
        case noise
        /// It reports every step, as fast as it can.
        case flood
    }

    public init(
        plugin: String, settings: JSON, assignment: Assignment = [:], metric: String = "loss",
        steps: Int = 20,
        endlessSteps: Int = 1_000_000_000, makesCheckpoints: Bool = true, isDeterministic: Bool = true,
        baseFolder: String = "/tmp"
    ) {
        self.plugin = plugin
        self.settings = settings
        self.assignment = assignment
        self.metric = metric
        self.steps = steps
        self.endlessSteps = endlessSteps
        self.makesCheckpoints = makesCheckpoints
        self.isDeterministic = isDeterministic
        self.baseFolder = baseFolder
    }

    /// Throws a `BrokenPromise` that says what was found instead.
    public func verify(_ promise: Promise) throws {
        switch promise {
        case .saysHello: try saysHello()
        case .acceptsGoodSettings: try acceptsGoodSettings()
        case .refusesUnknownSetting: try refusesUnknownSetting()
        case .completes: try completes()
        case .supervisesOnce: try supervisesOnce()
        case .obeysStop: try obeysStop()
        case .toldAsVanished: try toldAsVanished()
        case .repeats: if isDeterministic { try repeats() }
        case .savesWhenStopped: if makesCheckpoints { try savesWhenStopped() }
        case .startsWarm: if makesCheckpoints { try startsWarm() }
        case .resumes: if makesCheckpoints { try resumes() }
        case .refusesGarbage: try refusesGarbage()
        case .tellsNotANumber: try tellsNotANumber()
        case .tellsOutOfMemory: try tellsOutOfMemory()
        case .tellsSilence: try tellsSilence()
        case .publishesWhole: try publishesWhole()
        case .survivesNoise: try survivesNoise()
        case .survivesFlood: try survivesFlood()
        }
    }

    /// A folder for a run of these settings.
    public func rehearsal(
        steps: Int? = nil, cooldown: Int = 0, start: RunSpec.Start = .fresh, seed: UInt64 = 7,
        settings: JSON? = nil, trial: Int = 3, slots: [Slot] = [.cpu(index: 0)], silence: Double? = nil,
        grace: Double = 5
    ) throws -> Rehearsal {
        guard let study = StudyID(rawValue: "contract") else { throw BrokenPromise("no study id") }
        return try Rehearsal(
            plugin,
            RunSpec(
                key: RunKey(study: study, run: RunID(trial: TrialID(stage: 0, number: trial), attempt: 0)),
                plugin: "contract", settings: settings ?? self.settings, assignment: assignment, start: start,
                steps: steps ?? self.steps, cooldown: cooldown, metric: metric, seed: seed, slots: slots,
                silenceSeconds: silence ?? silenceSeconds, graceSeconds: grace, baseFolder: baseFolder))
    }
}

func expect(_ condition: Bool, _ sentence: @autoclosure () -> String) throws {
    if !condition { throw BrokenPromise(sentence()) }
}

// MARK: - Words

extension TrainerContract {
    private func saysHello() throws {
        let answer = try rehearsal().ask(["describe"])
        let lines = answer.output.split(separator: "\n").map(String.init)
        try expect(answer.code == 0 && lines.count == 2, "describe exits 0 with two lines; found \(answer)")
        let hello = try Hello.read(lines[0])
        let about = try Lines.decode(TrainerDescription.self, from: Data(lines[1].utf8))
        try expect(
            hello?.name == about.name, "hello and description have one name; found \(lines[0]), \(about.name)"
        )
    }

    /// What the plugin finds wrong.
    public func problems(
        settings: JSON, parameters: [PluginCheck.Parameter]? = nil, needsCheckpoints: Bool = false
    ) throws -> [Problem] {
        try verdict(settings: settings, parameters: parameters, needsCheckpoints: needsCheckpoints).problems
    }

    /// All that the plugin says of a study.
    public func verdict(
        settings: JSON, parameters: [PluginCheck.Parameter]? = nil, needsCheckpoints: Bool = false
    ) throws -> PluginVerdict {
        let own = assignment.keys.sorted().map { PluginCheck.Parameter(name: $0, kind: .float) }
        let question = PluginCheck(
            settings: settings, baseFolder: baseFolder, parameters: parameters ?? own,
            needsCheckpoints: needsCheckpoints)
        let answer = try rehearsal().ask(["check"], input: Lines.encode(question))
        let lines = answer.output.split(separator: "\n").map(String.init)
        try expect(answer.code == 0 && lines.count == 2, "check exits 0 with two lines; found \(answer)")
        return try Lines.decode(PluginVerdict.self, from: Data(lines[1].utf8))
    }

    private func acceptsGoodSettings() throws {
        let found = try problems(settings: settings, needsCheckpoints: makesCheckpoints)
        try expect(found.isEmpty, "good settings have no problems; found \(found)")
    }

    private func refusesUnknownSetting() throws {
        guard case .object(var members) = settings else { throw BrokenPromise("settings are a mapping") }
        members["no_such_setting"] = .int(1)
        let found = try problems(settings: .object(members)).map(\.path)
        try expect(
            found == [["trainer", "settings", "no_such_setting"]],
            "the unknown setting is the one problem; found problems at \(found)")
    }

    private func refusesGarbage() throws {
        let run = try rehearsal()
        try Data("{ garbage".utf8).write(to: URL(filePath: run.folder.spec))
        let code = try run.run()
        let lines = run.complaint.split(separator: "\n")
        try expect(
            code == 1 && lines.count == 1 && run.complaint.contains(run.folder.spec) && run.events.isEmpty,
            "exit 1, no events and one sentence that names the file; found exit \(code): \(run.complaint)")
    }
}

// MARK: - Runs

extension TrainerContract {
    private func completed(
        _ start: RunSpec.Start = .fresh, seed: UInt64 = 7
    ) throws -> Rehearsal {
        let run = try rehearsal(start: start, seed: seed)
        let code = try run.run()
        try expect(code == 0, "run exits 0; found \(code): \(run.complaint)")
        try expect(run.ending == .completed, "the run completes; found \(run.events.suffix(3))")
        return run
    }

    private func completes() throws {
        let run = try completed()
        guard case .started(let pid, let startTime) = run.events.first, pid > 0, startTime > 0 else {
            throw BrokenPromise("started comes first; found \(run.events.prefix(1))")
        }
        let ends = run.events.filter { if case .ended = $0 { true } else { false } }
        try expect(ends.count == 1, "ended comes once; found \(ends)")
        let steps = run.reports.map(\.step)
        try expect(zip(steps, steps.dropFirst()).allSatisfy(<), "steps grow; found \(steps)")
        try expect(
            run.reports.last?.step == self.steps && run.reports.last?.metrics[metric] != nil,
            "the last report is \(metric) at step \(self.steps); found \(String(describing: run.reports.last))"
        )
        try expect(!run.hasSurvivors, "nothing survives the run")
    }

    /// A run of endless steps that has reported.
    private func underWay() throws -> Rehearsal {
        let run = try rehearsal(steps: endlessSteps)
        try run.start()
        try run.wait(for: "the first report") { !run.reports.isEmpty || run.ending != nil }
        try expect(
            run.ending == nil, "a run of \(endlessSteps) steps is under way; found \(run.events.suffix(2))")
        return run
    }

    private func supervisesOnce() throws {
        let run = try underWay()
        let answer = try run.ask(["run", run.folder.path])
        try expect(
            answer.code == 0 && answer.output.isEmpty && answer.error.isEmpty,
            "a second process exits 0 without a word; found \(answer)")
        try expect(run.ending == nil, "the run goes on; found \(run.events.suffix(2))")
        try run.order(StopOrder(save: false, reason: "contract"))
        try expect(try run.wait() == 0, "the first process goes on and obeys; found \(run.events.suffix(2))")
        try expect(run.ending == .stopped, "the run is stopped; found \(run.events.suffix(2))")
        let before = run.text(of: "events.jsonl")
        try run.run()
        try expect(run.text(of: "events.jsonl") == before, "a start after the end changes nothing")
        let starts = run.events.filter { if case .started = $0 { true } else { false } }
        try expect(starts.count == 1, "started comes once; found \(starts)")
    }

    private func obeysStop() throws {
        let run = try underWay()
        try run.order(StopOrder(save: false, reason: "contract"))
        let code = try run.wait()
        try expect(
            code == 0 && run.ending == .stopped, "the run is stopped; found \(code), \(run.events.suffix(2))")
        try expect(!run.hasSurvivors, "nothing survives the run")
    }

    private func toldAsVanished() throws {
        let run = try underWay()
        try run.killPlugin()
        try run.run()
        try expect(
            run.ending == .failed(RunFailure(.vanished)),
            "the folder says vanished; found \(run.events.suffix(2))")
        try expect(!run.hasSurvivors, "nothing survives the run")
    }

    private func repeats() throws {
        // Other metrics may be times, which never repeat.
        func curve() throws -> [Report] {
            try completed().reports.map { report in
                Report(step: report.step, metrics: report.metrics.filter { $0.key == metric })
            }
        }
        let (one, other) = (try curve(), try curve())
        try expect(
            one == other,
            "two runs of one seed report the same \(metric); found \(one.suffix(2)), \(other.suffix(2))")
    }
}

// MARK: - Checkpoints

extension TrainerContract {
    private func savesWhenStopped() throws {
        let run = try underWay()
        try run.order(StopOrder(save: true, reason: "contract"))
        _ = try run.wait()
        guard let step = run.checkpoints.last, let path = run.checkpoint(ofStep: step) else {
            throw BrokenPromise("a checkpoint is left; found \(run.events.suffix(3))")
        }
        try expect(access(path, F_OK) == 0, "the checkpoint stands at \(path)")
        try expect(run.ending == .stopped, "the run is stopped; found \(run.events.suffix(2))")
    }

    private func startsWarm() throws {
        let first = try completed()
        guard let step = first.checkpoints.last, let path = first.checkpoint(ofStep: step) else {
            throw BrokenPromise("a run leaves a checkpoint; found \(first.events.suffix(3))")
        }
        let second = try completed(.warm(from: path))
        try expect(
            second.reports.map(\.step) == first.reports.map(\.step),
            "a warm trial counts its own steps; found \(second.reports.map(\.step))")
    }

    private func resumes() throws {
        let first = try completed()
        guard let step = first.checkpoints.first(where: { $0 < steps }),
            let path = first.checkpoint(ofStep: step)
        else { throw BrokenPromise("a checkpoint before the last step; found \(first.checkpoints)") }
        let second = try completed(.resume(from: path, step: step))
        let rest = first.reports.filter { $0.step > step }
        try expect(
            second.reports.map(\.step) == rest.map(\.step),
            "reports go on after step \(step); found \(second.reports.map(\.step))")
    }
}
