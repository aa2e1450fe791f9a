public import FleetModel
import Search
public import StudyCore

/// The real engine in a virtual world: only time, fleet and trainers are made up. No clock, no randomness
/// but the scenario's seed, no input or output: whoever runs it a second time sees the same.
public struct SimulatedStudy {
    public let scenario: Scenario
    /// Virtual seconds since the simulation began.
    public internal(set) var now = 0.0
    public internal(set) var statistics = Statistics()
    /// The promise that was broken first, where one was.
    public internal(set) var violation: Violation?
    /// What happened, line by line, where that was asked for.
    public var trace: [String] { tracer?.lines ?? [] }
    let tracer: Tracer?
    var heap = EventHeap<Occurrence>()
    var nodes: [SimulatedNode]
    let nodeIndex: [NodeID: Int]
    var links: [Link]
    var coordinator: SimulatedCoordinator
    var checkers: [any Checker]
    var random: SeededGenerator
    var faultRandom: SeededGenerator
    let recordsFaults: Bool
    /// The faults that struck, in order, where promises are checked: as a script, they strike again.
    public internal(set) var struck: [Fault] = []
    /// By stage and number; where a trial was first launched.
    var curves: [TrialID: LossCurve] = [:]

    /// What the heap holds.
    enum Occurrence {
        /// A message arrives that was sent through the connection `epoch`.
        case order(node: Int, epoch: Int)
        case news(node: Int, epoch: Int)
        case connect(node: Int)
        case trainer(node: Int, run: Int, generation: Int)
        /// The agent notices that a run's process is gone.
        case look(node: Int, run: Int)
        /// The coordinator's loop takes what has arrived.
        case turn(life: Int)
        case item(SimulatedCoordinator.Item, life: Int)
        case survey(node: Int, life: Int)
        /// The last byte of a checkpoint that is brought from one node to another, -1 for the results.
        case transfer(Checkpoint, from: Int, to: Int, life: Int)
        case givesUp(node: Int, epoch: Int)
        case fault(Fault)
        case heal(FaultKind, node: Int?, slot: Slot?)
    }

    /// - Parameters:
    ///   - engine: applies events to the engine; other than the plain one only to plant bugs.
    ///   - coding: has snapshots and effects pass through bytes, as a journal does.
    public init(
        _ scenario: Scenario, checkers: [any Checker] = [], isTraced: Bool = false,
        coding: Coding? = nil, applying: @escaping Applying = Engine.plainly
    ) {
        self.scenario = scenario
        self.checkers = checkers
        tracer = isTraced ? Tracer() : nil
        nodes = scenario.nodes.map(SimulatedNode.init)
        links = nodes.map { _ in Link() }
        nodeIndex = Dictionary(
            uniqueKeysWithValues: nodes.enumerated().map { ($0.element.id, $0.offset) })
        random = SeededGenerator(seed: scenario.seed, stream: 1)
        faultRandom = SeededGenerator(seed: scenario.seed, stream: 4)
        recordsFaults = !checkers.isEmpty
        let keepsJournal = !checkers.isEmpty || scenario.faults.canCrashCoordinator
        coordinator = SimulatedCoordinator(
            Engine(study: StudyID(rawValue: "simulated-1")!, plan: scenario.plan), keepsJournal: keepsJournal,
            coding: coding, applying: applying)
    }

    /// Runs until the study has ended for good, a promise is broken, or the horizon is reached.
    public mutating func run() {
        for node in nodes.indices { planConnection(to: node, after: 0) }
        planFaults()
        begin()
        while violation == nil, !coordinator.isDone, let (time, item) = heap.pop() {
            guard time <= scenario.horizonSeconds, statistics.occurrences < scenario.occurrenceLimit else {
                break
            }
            now = time
            statistics.occurrences += 1
            handle(item)
        }
        finish()
    }

    private mutating func handle(_ item: Occurrence) {
        switch item {
        case .order(let node, let epoch): arriveOrder(at: node, epoch)
        case .news(let node, let epoch): arriveNews(from: node, epoch)
        case .connect(let node): connect(node)
        case .trainer(let node, let run, let generation): advanceTrainer(node, run, generation)
        case .look(let node, let run): look(node, run)
        case .turn(let life): turn(life)
        case .item(let item, let life): if life == coordinator.life { post(item) }
        case .survey(let node, let life): if life == coordinator.life { send(.survey, to: node) }
        case .transfer(let checkpoint, let source, let node, let life):
            endTransfer(of: checkpoint, from: source, to: node, life)
        case .givesUp(let node, let epoch): giveUp(node, epoch)
        case .fault(let fault): strike(fault)
        case .heal(let kind, let node, let slot): heal(kind, node, slot)
        }
    }

    private mutating func finish() {
        statistics.seconds = now
        if violation == nil, !coordinator.isDone {
            violate(
                Violation(
                    "no study waits for ever",
                    "the study has not ended: it is \(coordinator.engine.phase), "
                        + "\(coordinator.engine.leasing.count) runs hold leases"))
        }
        check { checker, engine throws(Violation) in try checker.ended(engine) }
    }

    public var engine: Engine { coordinator.engine }

    /// The loss, without noise, that the best trial's curve has at its end; nil where none completed.
    public var bestExpectedLoss: Loss? {
        guard let best = coordinator.engine.best, let curve = curves[best.id] else { return nil }
        return Loss(curve.expectation(at: scenario.plan.method.steps), .minimize)
    }
}

// MARK: - What is seen

extension SimulatedStudy {
    /// Asks every checker, unless a promise is broken already.
    mutating func check(_ look: (inout any Checker, Engine) throws(Violation) -> Void) {
        guard violation == nil else { return }
        for index in checkers.indices {
            do {
                try look(&checkers[index], coordinator.engine)
            } catch {
                return violate(error)
            }
        }
    }

    mutating func saw(_ sight: FleetSight) {
        guard !checkers.isEmpty else { return }
        check { checker, engine throws(Violation) in try checker.saw(sight, engine) }
    }

    mutating func violate(_ violation: Violation) {
        self.violation = violation
        tracer?.note(now, "BROKEN: \(violation)")
    }
}

/// Numbers of one simulation.
public struct Statistics: Hashable, Sendable {
    /// Everything that the heap gave out.
    public internal(set) var occurrences = 0
    /// Events that the engine applied.
    public internal(set) var events = 0
    public internal(set) var refused = 0
    /// What the engine decided and said.
    public internal(set) var decisions = 0
    public internal(set) var turns = 0
    public internal(set) var faults = 0
    public internal(set) var recoveries = 0
    /// Virtual time from the beginning to the end.
    public internal(set) var seconds = 0.0
    /// When the last new trial was proposed, and the slot-seconds leased up to then.
    public internal(set) var lastProposal = 0.0
    public internal(set) var slotSecondsAtLastProposal = 0.0
}
