public import FleetModel

/// Chooses between the Gaussian process and TPE for each proposal, by what was measured beside Optuna 5
/// (`Benchmarks/quality`): the process finds better points, conditional spaces included, but may stay on one hill
/// where there are many. So while trials become no better, TPE takes each second proposal, those at which its models
/// are sharp if there are six parameters or more. Up to three parameters the process's hill draws TPE there too: they
/// take turns for a few trials, as many as a short stage has, and then TPE goes on alone. With two objectives the
/// process weighs them anew for each proposal, so it stays on no hill, and TPE takes each third. TPE also serves wide
/// spaces, more objectives, many trials at a time and long studies, in which the process would cost the most. So it
/// does wherever a pruner compares trials at rungs: it knows what losses there say of the end (`RungForecasts`), and
/// the process knows only a median (`Benchmarks/multifidelity`).
public struct AutoSampler: Sampler {
    /// How many trials the study may have, where that is known.
    public let trials: Int?
    private var gp: GPSampler
    private var tpe: TPESampler
    /// nil in studies of versions that did not look at rungs: they go on as they began.
    private let seesRungs: Bool?
    /// With few parameters they take turns up to so many trials.
    private static let turns = 10
    /// With more parameters, once so many trials have ended since the best one.
    private static let stall = 15

    /// - Parameter startup: so many trials come before a model, at least 1.
    public init(trials: Int? = nil, startup: Int = 10) {
        self.trials = trials
        gp = GPSampler(startup: startup)
        tpe = TPESampler(startup: startup)
        seesRungs = true
    }

    public mutating func propose(
        from history: History, using generator: inout SeededGenerator
    ) -> Proposal? {
        let choice = choice(for: history)
        let proposal =
            switch choice {
            case .gp: gp.propose(from: history, using: &generator)
            case .tpe: tpe.propose(from: history, using: &generator)
            }
        return proposal.map { Proposal($0.assignment, .auto(choice, $0.reason)) }
    }

    /// The sampler for the next proposal, and why.
    public func choice(for history: History) -> AutoChoice {
        let parameters = history.space.parameters
        if parameters.count > 20 { return .tpe(.parameters(parameters.count)) }
        let long = max(trials ?? 0, history.trials.count)
        if long > 400 { return .tpe(.trials(long)) }
        let running = history.trials.count - history.ended.count
        if running > 64 { return .tpe(.running(running)) }
        let objectives = history.ended.lazy.reversed().compactMap { history.trials[$0].objectives }.first ?? 1
        if objectives > 2 { return .tpe(.objectives(objectives)) }
        if seesRungs == true, !history.rungs.isEmpty { return .tpe(.rungs(history.rungs.count)) }
        let turn = history.trials.count
        if objectives == 2 {
            if turn % 3 == 0 { return .tpe(.turnOfObjectives(objectives)) }
        } else if parameters.count <= 3 {
            if turn > Self.turns { return .tpe(.fewParameters(parameters.count)) }
            if turn % 2 == 0 { return .tpe(.turn(parameters.count)) }
        } else if turn % 2 == 0 {
            let stalled = history.endedSinceBest
            if stalled >= Self.stall { return .tpe(.stalled(stalled)) }
        }
        return .gp(parameters: parameters.count, trials: long)
    }
}

/// What `AutoSampler` chose.
public enum AutoChoice: Hashable, Codable, Sendable, CustomStringConvertible {
    case gp(parameters: Int, trials: Int)
    case tpe(Why)

    public enum Why: Hashable, Codable, Sendable {
        /// With so few parameters it takes turns with the process at first.
        case turn(Int)
        /// With so few parameters it goes on alone.
        case fewParameters(Int)
        case parameters(Int)
        case trials(Int)
        /// At the same time.
        case running(Int)
        case objectives(Int)
        /// At which trials are compared while they run.
        case rungs(Int)
        /// It takes turns with the process.
        case turnOfObjectives(Int)
        /// So many trials ended without a better one; it takes turns with the process.
        case stalled(Int)
    }

    public var description: String {
        switch self {
        case .gp(let parameters, let trials):
            "gp, for \(parameters) parameters and \(trials) trials"
        case .tpe(.turn(let count)): "tpe, in turn with gp for \(count) parameters"
        case .tpe(.fewParameters(let count)): "tpe, because there are only \(count) parameters"
        case .tpe(.parameters(let count)): "tpe, because there are \(count) parameters"
        case .tpe(.trials(let count)): "tpe, because there are \(count) trials"
        case .tpe(.running(let count)): "tpe, because \(count) trials run at the same time"
        case .tpe(.objectives(let count)): "tpe, because there are \(count) objectives"
        case .tpe(.rungs(1)): "tpe, because trials are compared at a rung"
        case .tpe(.rungs(let count)): "tpe, because trials are compared at \(count) rungs"
        case .tpe(.turnOfObjectives(let count)): "tpe, in turn with gp for \(count) objectives"
        case .tpe(.stalled(let count)):
            "tpe, in turn with gp while none of the last \(count) trials is the best"
        }
    }
}

extension History {
    /// How many trials have ended since the best that keeps the constraints; 0 while there is none.
    fileprivate var endedSinceBest: Int {
        var best: (loss: Double, at: Int)?
        for (at, index) in ended.enumerated() {
            guard case .complete(let losses) = trials[index].result, trials[index].isFeasible,
                let loss = losses.first?.value, loss < best?.loss ?? .infinity
            else { continue }
            best = (loss, at)
        }
        return best.map { ended.count - 1 - $0.at } ?? 0
    }
}

extension Observation {
    /// nil of trials that are not complete.
    fileprivate var objectives: Int? {
        if case .complete(let losses) = result { losses.count } else { nil }
    }
}
