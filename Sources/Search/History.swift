public import FleetModel

/// What a sampler knows of one trial.
public struct Observation: Hashable, Codable, Sendable {
    public enum Result: Hashable, Codable, Sendable {
        /// Proposed, and not ended yet.
        case running
        /// One loss for each objective, in the order of the study; never empty.
        case complete([Loss])
        /// Stopped by a pruner after `step`, where it had this loss.
        case pruned(step: Int, Loss)
        /// Ended through its own assignment: not-a-number, out of memory. Faults of the infrastructure
        /// are not observations.
        case failed

        /// With one objective.
        public static func complete(_ loss: Loss) -> Result { .complete([loss]) }
    }

    public let assignment: Assignment
    public internal(set) var result: Result
    /// The loss at each rung of the history that the trial reached, the lowest first.
    public internal(set) var rungLosses: [Loss]
    /// How far what the trial measured lies beyond the study's constraints on it (`MetricBound`), all of them
    /// together: 0 where it keeps them, or nothing is known. Finite. Any trial that keeps them is better than
    /// any that does not, and of those the one with the lesser violation is (Deb et al. 2002, section VI).
    public internal(set) var violation: Double

    public init(
        _ assignment: Assignment, _ result: Result, violation: Double = 0, rungLosses: [Loss] = []
    ) {
        precondition(violation >= 0 && violation.isFinite, "a violation is finite, and 0 where there is none")
        self.assignment = assignment
        self.result = result
        self.violation = violation
        self.rungLosses = rungLosses
    }

    /// Whether nothing is known against it.
    var isFeasible: Bool { violation == 0 }
}

extension Observation {
    private enum Key: String, CodingKey { case assignment, result, violation, rungLosses }

    // Written only where there is one: studies without constraints, and those of older versions, have none.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        assignment = try fields.decode(Assignment.self, forKey: .assignment)
        result = try fields.decode(Result.self, forKey: .result)
        violation = try fields.decodeIfPresent(Double.self, forKey: .violation) ?? 0
        rungLosses = try fields.decode([Loss].self, forKey: .rungLosses)
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        try fields.encode(assignment, forKey: .assignment)
        try fields.encode(result, forKey: .result)
        if !isFeasible { try fields.encode(violation, forKey: .violation) }
        try fields.encode(rungLosses, forKey: .rungLosses)
    }
}

/// Everything that a sampler may learn from: the trials of one space in the order of proposal, and what
/// earlier stages found. Kept up to date trial by trial, with each value already placed on its axis, so that
/// a proposal need not walk over dictionaries.
public struct History: Sendable {
    public let space: Space
    /// Steps at which losses are noted while a trial runs, rising: the rungs of a pruner. May be empty.
    public let rungs: [Int]
    /// Stages before this one, the latest first.
    public let earlier: [EarlierStage]
    public private(set) var trials: [Observation] = []
    /// Indices into `trials` of those that ended, in the order in which they did. It only grows, and an
    /// ended trial never changes again: what was learned from a beginning of it stays true.
    public private(set) var ended: [Int] = []
    /// One row a trial, one column a parameter of the space: where the value lies on its axis, from 0 to 1
    /// (values of a grid in the middle of their cells); the index of a choice; NaN for an inactive parameter.
    private(set) var places: [Double] = []
    /// By parameter; nil for choices.
    let axes: [Axis?]

    public init(_ space: Space, rungs: [Int] = [], earlier: [EarlierStage] = []) {
        self.space = space
        self.rungs = rungs
        self.earlier = earlier
        axes = space.parameters.map { Axis($0.domain) }
    }

    /// As if these trials had been proposed, and had ended, in this order.
    public init(_ space: Space, rungs: [Int] = [], earlier: [EarlierStage] = [], trials: [Observation]) {
        self.init(space, rungs: rungs, earlier: earlier)
        for trial in trials {
            let index = add(trial.assignment, trial.result, violation: trial.violation)
            self.trials[index].rungLosses = trial.rungLosses
        }
    }

    /// Takes a new trial.
    /// - Returns: its index.
    @discardableResult
    public mutating func add(
        _ assignment: Assignment, _ result: Observation.Result = .running, violation: Double = 0
    ) -> Int {
        trials.append(Observation(assignment, .running, violation: violation))
        places += places(of: assignment)
        set(result, violation: violation, of: trials.count - 1)
        return trials.count - 1
    }

    /// Ends the running trial `index`. Telling again what is known changes nothing.
    /// - Parameter violation: of what it measured, see `Observation.violation`.
    public mutating func set(_ result: Observation.Result, violation: Double = 0, of index: Int) {
        guard result != trials[index].result else { return }
        precondition(trials[index].result == .running, "trial \(index) ended before, and ends once")
        precondition(violation >= 0 && violation.isFinite, "a violation is finite, and 0 where there is none")
        trials[index].result = result
        trials[index].violation = violation
        ended.append(index)
    }

    /// Notes the loss at each rung that the running trial `index` reached with this report: trainers need
    /// not report exactly at the rungs.
    public mutating func report(_ loss: Loss, step: Int, of index: Int) {
        while trials[index].rungLosses.count < rungs.count, rungs[trials[index].rungLosses.count] <= step {
            trials[index].rungLosses.append(loss)
        }
    }
}

/// A stage that came before, over another space and from another training state: its losses lie on another
/// level than those of the stage that is open, so they compare with each other only.
public struct EarlierStage: Hashable, Codable, Sendable {
    public let observations: [Observation]

    public init(_ observations: [Observation]) {
        self.observations = observations
    }
}

extension History {
    var dimensions: Int { axes.count }

    /// The places of one trial.
    func row(_ index: Int) -> ArraySlice<Double> {
        places[index * dimensions..<(index + 1) * dimensions]
    }

    /// Where a trial lies, in numbers from 0 to 1 that a regression can take: the place of a number, and for each
    /// choice of a parameter 1 or 0; 0.5 where it is inactive.
    package func coordinates(of index: Int) -> [Double] {
        var coordinates: [Double] = []
        for (parameter, place) in zip(space.parameters, row(index)) {
            guard case .categorical(let choices) = parameter.domain else {
                coordinates.append(place.isNaN ? 0.5 : place)
                continue
            }
            for choice in choices.indices {
                coordinates.append(place.isNaN ? 0.5 : place == Double(choice) ? 1 : 0)
            }
        }
        return coordinates
    }

    /// The places of any assignment in this history's space. What lies outside, as in an earlier stage's
    /// wider space, is below 0 or above 1; a choice that this space lacks is NaN.
    func places(of assignment: Assignment) -> [Double] {
        zip(space.parameters, axes).map { parameter, axis in
            assignment[parameter.name].map { parameter.domain.place(of: $0, on: axis) } ?? .nan
        }
    }

    /// The assignment at these places, values moved to the nearest of their domains. Where a parameter is
    /// inactive its place is not looked at.
    func assignment(at row: some Collection<Double>) -> Assignment {
        var assignment: Assignment = [:]
        for ((parameter, axis), place) in zip(zip(space.parameters, axes), row)
        where parameter.isActive(in: assignment) {
            assignment[parameter.name] = parameter.domain.value(atPlace: place, on: axis)
        }
        return assignment
    }
}

extension Domain {
    fileprivate func place(of value: ParameterValue, on axis: Axis?) -> Double {
        guard let axis else {
            guard case .categorical(let choices) = self else { return .nan }
            return choices.firstIndex(of: value).map(Double.init) ?? .nan
        }
        return value.number.map(axis.place(of:)) ?? .nan
    }

    fileprivate func value(atPlace place: Double, on axis: Axis?) -> ParameterValue {
        if let axis { return axis.value(atPlace: place) }
        guard case .categorical(let choices) = self else { preconditionFailure("only choices have no axis") }
        return choices[Int(place.rounded().clamped(to: 0...Double(choices.count - 1)))]
    }
}

extension History: Hashable {
    // Places follow from the rest, and NaN is not even equal to itself.
    public static func == (a: History, b: History) -> Bool {
        a.space == b.space && a.rungs == b.rungs && a.ended == b.ended && a.trials == b.trials
            && a.earlier == b.earlier
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(space)
        hasher.combine(trials)
        hasher.combine(ended)
    }
}

extension History: Codable {
    private enum Key: String, CodingKey { case space, rungs, earlier, trials, ended }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        self.init(
            try fields.decode(Space.self, forKey: .space),
            rungs: try fields.decode([Int].self, forKey: .rungs),
            earlier: try fields.decode([EarlierStage].self, forKey: .earlier))
        trials = try fields.decode([Observation].self, forKey: .trials)
        ended = try fields.decode([Int].self, forKey: .ended)
        for trial in trials { places += places(of: trial.assignment) }
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        try fields.encode(space, forKey: .space)
        try fields.encode(rungs, forKey: .rungs)
        try fields.encode(earlier, forKey: .earlier)
        try fields.encode(trials, forKey: .trials)
        try fields.encode(ended, forKey: .ended)
    }
}
