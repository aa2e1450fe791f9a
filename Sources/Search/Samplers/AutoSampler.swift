public import FleetModel

/// Chooses between the Gaussian process and TPE for each proposal, by what was measured beside Optuna 5
/// (`Benchmarks/quality`): the process finds better points, conditional spaces included, but may stay on one hill
/// where there are many. So TPE takes over while trials become no better: in spaces of numbers, over which hills
/// lie, alone and soon, until it finds a better point for the process to climb from, and as long as the process
/// foretells too little of what it has not seen (`GPSampler.foresight`); where there are choices, among which the
/// process goes on finding what TPE does not, late and in turn with it. Up to three parameters the process's hill
/// draws TPE there too: they take turns for a few trials, as many as a short stage has, and then TPE goes on alone.
/// With two objectives the process weighs them anew for each proposal, so it stays on no hill, and TPE takes each
/// third. TPE also serves wide spaces, more objectives, many trials at a time and long studies, in which the process
/// would cost the most. So it does wherever a pruner compares trials at rungs: both learn from what losses there say of
/// the end (`EndMeasurements`), and the process finds nothing better by it (`Benchmarks/multifidelity`). In stages it is
/// the process whatever else there is: a stage has few trials in a small window, of which it makes more than TPE, which
/// stays near the incumbent (`Benchmarks/stages`). Where a finite space has no point left neither proposes any.
public struct AutoSampler: Sampler {
    /// How many trials the study may have, where that is known.
    public let trials: Int?
    /// The study searches again and again, each time around what it found before.
    public let isStaged: Bool
    private var gp: GPSampler
    private var tpe: TPESampler
    /// By which version's rules it chooses: studies go on as they began.
    private let rules: Rules
    /// With few parameters they take turns up to so many trials.
    private static let turns = 10
    /// With more that are all numbers TPE goes on alone once so many trials have ended since the best one,
    private static let stall = 8
    /// or where the process foretells less than this, a correlation of ranks,
    private static let foresight = 0.7
    /// once so many have ended: of fewer it says little.
    private static let judged = 20
    /// Where some are choices it takes each second proposal, once so many have.
    private static let longStall = 15

    /// What each version added to the rules of the one before: TPE alone where there are rungs; TPE alone in spaces
    /// of numbers while trials become no better, or are not foretold; an end where everything was tried.
    private enum Rules: Int, Codable, Comparable {
        case first, rungs, numbers, exhaustion

        static func < (a: Rules, b: Rules) -> Bool { a.rawValue < b.rawValue }
    }

    /// - Parameter startup: so many trials come before a model, at least 1.
    public init(trials: Int? = nil, isStaged: Bool = false, startup: Int = 10) {
        self.trials = trials
        self.isStaged = isStaged
        gp = GPSampler(startup: startup)
        tpe = TPESampler(startup: startup)
        rules = .exhaustion
    }

    /// With the options that a file gives it, by this version's rules.
    var current: Self { Self(startup: tpe.startup) }

    public mutating func propose(
        from history: History, using generator: inout SeededGenerator
    ) -> Proposal? {
        let choice = choice(for: history)
        let proposal =
            switch choice {
            case .gp: gp.propose(from: history, using: &generator)
            case .tpe: isExhausted(history) ? nil : tpe.propose(from: history, using: &generator)
            }
        return proposal.map { Proposal($0.assignment, .auto(choice, $0.reason)) }
    }

    /// Whether the process would find nothing left, of which TPE knows nothing.
    private func isExhausted(_ history: History) -> Bool {
        rules >= .exhaustion && Coordinates(history).untried(in: history)?.isEmpty == true
    }

    /// The sampler for the next proposal, and why.
    public mutating func choice(for history: History) -> AutoChoice {
        let parameters = history.space.parameters
        if parameters.count > 20 { return .tpe(.parameters(parameters.count)) }
        let long = max(trials ?? 0, history.trials.count)
        if long > 400 { return .tpe(.trials(long)) }
        let running = history.trials.count - history.ended.count
        if running > 64 { return .tpe(.running(running)) }
        let objectives = history.ended.lazy.reversed().compactMap { history.trials[$0].objectives }.first ?? 1
        if objectives > 2 { return .tpe(.objectives(objectives)) }
        if isStaged { return .gp(parameters: parameters.count, trials: long) }
        if rules >= .rungs, !history.rungs.isEmpty { return .tpe(.rungs(history.rungs.count)) }
        let turn = history.trials.count
        if objectives == 2 {
            if turn % 3 == 0 { return .tpe(.turnOfObjectives(objectives)) }
        } else if parameters.count <= 3 {
            if turn > Self.turns { return .tpe(.fewParameters(parameters.count)) }
            if turn % 2 == 0 { return .tpe(.turn(parameters.count)) }
        } else if let why = stall(of: history) {
            return .tpe(why)
        }
        return .gp(parameters: parameters.count, trials: long)
    }

    /// Why TPE takes the next proposal while trials become no better; nil where the process goes on.
    private mutating func stall(of history: History) -> AutoChoice.Why? {
        let idle = history.endedSinceBest
        guard rules >= .numbers, history.isOfNumbers else {
            return idle >= Self.longStall && history.trials.count % 2 == 0 ? .stalled(idle) : nil
        }
        if idle >= Self.stall { return .stalledInNumbers(idle) }
        guard history.ended.count >= Self.judged, let foresight = gp.foresight(of: history),
            foresight < Self.foresight
        else { return nil }
        return .unforeseen(correlation: foresight)
    }
}

extension AutoSampler: Codable {
    /// `seesRungs` is what studies hold that were begun before there were `rules`, or nothing.
    private enum Key: String, CodingKey { case trials, isStaged, gp, tpe, seesRungs, rules }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        trials = try fields.decodeIfPresent(Int.self, forKey: .trials)
        isStaged = try fields.decodeIfPresent(Bool.self, forKey: .isStaged) == true
        gp = try fields.decode(GPSampler.self, forKey: .gp)
        tpe = try fields.decode(TPESampler.self, forKey: .tpe)
        let seesRungs = try fields.decodeIfPresent(Bool.self, forKey: .seesRungs) == true
        rules =
            try fields.decodeIfPresent(Rules.self, forKey: .rules)
            ?? (seesRungs ? .rungs : .first)
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        try fields.encodeIfPresent(trials, forKey: .trials)
        if isStaged { try fields.encode(isStaged, forKey: .isStaged) }
        try fields.encode(gp, forKey: .gp)
        try fields.encode(tpe, forKey: .tpe)
        try fields.encode(rules, forKey: .rules)
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
        /// The same where all parameters are numbers; it goes on alone until there is a better one.
        case stalledInNumbers(Int)
        /// The process foretells so little, a correlation of ranks, from -1 to 1 (`GPSampler.foresight`).
        case unforeseen(correlation: Double)
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
        case .tpe(.stalledInNumbers(let count)): "tpe, because none of the last \(count) trials is the best"
        case .tpe(.unforeseen(let correlation)):
            "tpe, because gp foretells trials with a rank correlation of only \(short(correlation))"
        }
    }
}

extension History {
    /// Whether no parameter is a choice, and so none depends on one.
    fileprivate var isOfNumbers: Bool { axes.allSatisfy { $0 != nil } }

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
