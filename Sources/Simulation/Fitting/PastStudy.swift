public import FleetModel
public import StudyCore

/// What can be learnt from a study that was really run: its loss curves and how long its runs took.
public struct PastStudy: Sendable {
    /// A report that counted.
    public struct TimedReport: Hashable, Sendable {
        /// Seconds since 1970.
        public let at: Double
        public let attempt: Int
        public let report: Report

        public init(at: Double, attempt: Int, report: Report) {
            self.at = at
            self.attempt = attempt
            self.report = report
        }
    }

    /// The losses of one trial.
    struct Curve {
        struct Point {
            /// Steps of the model since it was new, and one: above 1.
            let age: Double
            let loss: Double
        }

        let assignment: Assignment
        /// At least one, in order of age, each age once.
        let points: [Point]

        var last: Point { points[points.count - 1] }
    }

    /// The timing of one run.
    struct Pace {
        let secondsPerStep: Double
        let startupSeconds: Double
    }

    let curves: [Curve]
    /// Assignments whose loss was no number in the end.
    let diverged: [Assignment]
    let paces: [Pace]
    let stepsPerReport: Int?
    /// How runs ended: `count` of them by themselves or by a fault.
    let endings: (count: Int, crashed: Int, outOfMemory: Int, vanished: Int)

    /// - Parameter reports: every report of a trial, in order of arrival.
    public init<Failure: Error>(
        _ engine: Engine, reports: (TrialID) throws(Failure) -> [TimedReport]
    ) throws(Failure) {
        var (curves, paces, gaps): ([Curve], [Pace], [Int]) = ([], [], [])
        for trial in engine.trials {
            let timed = try reports(trial.id)
            let before = engine.stages.prefix(trial.id.stage).reduce(0) { $0 + $1.steps }
            if let curve = Curve(trial, timed, engine.plan.objective, after: before) { curves.append(curve) }
            for run in trial.runs {
                let own = timed.filter { $0.attempt == run.id.attempt }
                gaps += zip(own, own.dropFirst()).map { $1.report.step - $0.report.step }
                if let pace = Pace(run, own) { paces.append(pace) }
            }
        }
        let failures = engine.trials.compactMap(\.failure)
        let count = engine.trials.reduce(0) { $0 + $1.runs.count }
        self.curves = curves
        self.paces = paces
        diverged = engine.trials.filter { $0.failure?.isDivergence ?? false }.map(\.assignment)
        stepsPerReport = gaps.filter { $0 > 0 }.map(Double.init).median.map { Int($0) }
        endings = (
            count, failures.count { $0.isCrash }, failures.count { $0.isOutOfMemory },
            engine.trials.reduce(0) { $0 + $1.faults }
        )
    }

    /// How many trials there is a curve of.
    public var trials: Int { curves.count }
}

extension PastStudy.Curve {
    fileprivate init?(
        _ trial: Trial, _ reports: [PastStudy.TimedReport], _ objective: Objective, after before: Int
    ) {
        var points: [Point] = []
        for timed in reports {
            guard case .value(let number)? = timed.report.metrics[objective.metric],
                let loss = Loss(number, objective.direction)
            else { continue }
            let age = Double(1 + before + timed.report.step)
            // What a resumed run repeats replaces what was there.
            while let last = points.last, last.age >= age { points.removeLast() }
            points.append(Point(age: age, loss: loss.value))
        }
        guard !points.isEmpty else { return nil }
        self.init(assignment: trial.assignment, points: points)
    }
}

extension PastStudy.Pace {
    /// nil below two reports.
    fileprivate init?(_ run: Run, _ reports: [PastStudy.TimedReport]) {
        guard let first = reports.first, let last = reports.last, last.report.step > first.report.step
        else { return nil }
        let steps = Double(last.report.step - first.report.step)
        secondsPerStep = max(0, last.at - first.at) / steps
        var begun = 0
        if case .resume(let checkpoint) = run.start { begun = checkpoint.step }
        let training = Double(first.report.step - begun) * secondsPerStep
        startupSeconds = max(0, first.at - run.since.seconds - training)
    }
}

extension Trial {
    fileprivate var failure: RunFailure.Cause? {
        guard case .ended(.failed(.run(let failure))) = state else { return nil }
        return failure.cause
    }
}

extension RunFailure.Cause {
    fileprivate var isDivergence: Bool { if case .notFinite = self { true } else { false } }

    fileprivate var isOutOfMemory: Bool { if case .outOfMemory = self { true } else { false } }

    fileprivate var isCrash: Bool {
        switch self {
        case .crashed, .killed, .silent: true
        case .notFinite, .outOfMemory, .refused, .misapplied, .vanished, .node: false
        }
    }
}

extension [Double] {
    /// The middle one; nil where there is none.
    var median: Double? { quantile(0.5) }

    /// Between the two nearest, linearly.
    func quantile(_ share: Double) -> Double? {
        guard !isEmpty else { return nil }
        let sorted = sorted()
        let place = share * Double(count - 1)
        let below = Int(place)
        let above = Swift.min(below + 1, count - 1)
        return sorted[below] + (place - Double(below)) * (sorted[above] - sorted[below])
    }

    /// Standard deviation as the median of the distances from the median has it: outliers do not count
    /// (Rousseeuw and Croux 1993 for the factor).
    var robustSpread: Double? {
        guard let median else { return nil }
        return map { abs($0 - median) }.median.map { 1.4826 * $0 }
    }
}
