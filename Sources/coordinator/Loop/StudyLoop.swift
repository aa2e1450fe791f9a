import FleetLink
import FleetModel
import Foundation
import Journal
import Spawn
import StudyCore
import Wire

/// The only owner of a study's engine: takes what has arrived, applies it, writes events and effects to
/// the journal in one transaction, and only then begins the effects, without waiting for any.
struct StudyLoop: ~Copyable {
    /// What can arrive.
    enum Item: Sendable {
        case link(NodeID, LinkEvent)
        case happened(Happening)
        case keepFailed(stage: Int, reason: String)
        /// Time to try again what could not be put among the results.
        case keepAgain(stage: Int)
        /// Time to look at requests and to redraw.
        case tick
        /// Ctrl-C.
        case interrupted
    }

    /// What is sent besides the effects, once the steps are written.
    private enum Answer {
        case greet(NodeID)
        case stop(RunID, on: NodeID)
        case remove([Checkpoint], on: NodeID)
        case keep(stage: Int)
    }

    /// Why the loop ended.
    enum Outcome {
        case ended(StudyEnding)
        /// Ctrl-C: runs go on under their agents.
        case detached(running: Int)
    }

    private(set) var engine: Engine
    private let journal: Journal
    private let inbox: Inbox<Item>
    private let hands: Hands
    private let requests: StudyFolder
    /// As the study file has it now, which may not be what the study began with.
    private let lostAfterSeconds: Double
    /// How often the checkpoint of a stage could not be put among the results in this session.
    private var keepFailures: [Int: Int] = [:]
    private var answers: [Answer] = []
    private var absences = Absences()

    init(
        engine: Engine, journal: Journal, inbox: Inbox<Item>, hands: Hands, folder: StudyFolder,
        lostAfterSeconds: Double
    ) {
        self.engine = engine
        self.journal = journal
        self.inbox = inbox
        self.hands = hands
        requests = folder
        self.lostAfterSeconds = lostAfterSeconds
    }

    /// Runs until the study has ended or somebody detaches.
    /// - Throws: what the journal throws; then nothing was begun that is not written.
    mutating func run(beginningWith first: [Happening]) async throws -> Outcome {
        // First what was asked for before: taking the study up may ask for the same anew.
        for effect in engine.outstanding { hands.begin(effect, of: engine) }
        for node in engine.nodes { absences.begin(node.id, at: monotonicSeconds()) }
        try step([.tick] + first.map { .happened($0) })
        hands.results.writeMissing(of: engine)
        while true {
            if let ending = settledEnding { return .ended(ending) }
            let items = await inbox.next()
            if items.contains(where: \.isInterruption) { return .detached(running: engine.leasing.count) }
            try step(items)
        }
    }

    /// Applies, writes, begins: one transaction for all. What an item means depends on the engine, so each
    /// is applied before the next is looked at; what is sent waits until everything is written.
    private mutating func step(_ items: [Item]) throws {
        var steps: [Step] = []
        answers = []
        for item in items {
            for what in happenings(of: item) {
                if let step = apply(what) { steps.append(step) }
            }
        }
        if !steps.isEmpty { try journal.append(steps, engine: engine) }
        for answer in answers { give(answer) }
        for effect in steps.flatMap(\.effects) { hands.begin(effect, of: engine) }
    }

    private mutating func apply(_ what: Happening) -> Step? {
        let event = Event(at: .wallClock, what)
        do {
            return Step(event: event, effects: try engine.apply(event))
        } catch {
            hands.printer.refused(event, because: error)
            return nil
        }
    }

    private func give(_ answer: Answer) {
        switch answer {
        case .greet(let node): greet(node)
        case .remove(let checkpoints, let node):
            hands.fleet.send(.removeCheckpoints(study: engine.study, checkpoints: checkpoints), to: node)
        case .stop(let run, let node):
            let order = StopOrder(save: false, reason: "the study no longer wants this run")
            hands.fleet.send(.stop(run: engine.key(run), order: order), to: node)
        case .keep(let stage):
            let effects = engine.nodes.flatMap { engine.outstanding(on: $0.id) }
            for case .keep(let checkpoint, let node, stage) in effects {
                hands.begin(.keep(checkpoint: checkpoint, node: node, stage: stage), of: engine)
            }
        }
    }

    /// So often is it tried to put a stage's checkpoint among the results, in one session.
    private static let keepAttempts = 3
    private static let keepAgainSeconds = 5.0

    private mutating func keepFailed(_ stage: Int, because reason: String) {
        let count = keepFailures[stage, default: 0] + 1
        keepFailures[stage] = count
        let isLast = count >= Self.keepAttempts
        hands.printer.complain(
            "the best checkpoint of stage \(stage) was not copied: \(reason)"
                + (isLast ? "" : "; it is tried again"))
        if !isLast { hands.keepAgain(stage, afterSeconds: Self.keepAgainSeconds) }
    }

    /// What an item means to the engine, as it is now.
    private mutating func happenings(of item: Item) -> [Happening] {
        switch item {
        case .happened(let what): return [what]
        case .link(let node, .connected(let hello)):
            absences.end(node)
            hands.printer.connected(node, hello)
            answers.append(.greet(node))
            return []
        case .link(let node, .disconnected(let failure, let seconds)):
            lost(node, failure, retryIn: seconds)
            return []
        case .link(let node, .news(let news)): return happenings(of: news, from: node)
        case .keepFailed(let stage, let reason):
            keepFailed(stage, because: reason)
            return []
        case .keepAgain(let stage):
            answers.append(.keep(stage: stage))
            return []
        case .tick:
            hands.printer.refresh(engine)
            let asked: [Happening] = requests.takeStopRequest() ? [.stopRequested] : []
            let again = requests.takeRetryRequests().map {
                Happening.retryRequested(trial: $0.trial, from: $0.from)
            }
            return refreshFleet() + asked + again
        case .interrupted: return []
        }
    }

    private mutating func happenings(of news: News, from node: NodeID) -> [Happening] {
        switch news {
        case .inventory(let inventory):
            hands.printer.inventory(inventory, of: node)
            let slots = hands.fleet.offers(inventory, of: node, to: engine.study)
            let found = engine.reconcile(node, slots: slots, failure: Text.blindness(of: inventory))
            return events(of: found, node)
        case .runs(let study, let runs) where study == engine.study:
            let observed = runs.map { ObservedRun(run: $0.run, isAlive: $0.isAlive, end: $0.end) }
            return events(of: engine.reconcile(node, observed: observed), node)
        case .events(let run, let events) where run.study == engine.study:
            return happenings(of: events, of: run.run, from: node)
        case .refused(let run, let reason) where run.study == engine.study:
            for blocked in engine.nodesToSurvey(afterRefusalOf: run.run) {
                hands.survey(blocked, afterSeconds: 5)
            }
            return [.launchRefused(run: run.run, reason: reason)]
        case .complaint(let text):
            hands.printer.complain("node \(node): \(text)")
            return []
        case .checkpoints(let study, let held) where study == engine.study:
            let found = engine.reconcile(node, held: held.map { ($0.run, $0.name) })
            if !found.garbage.isEmpty { answers.append(.remove(found.garbage, on: node)) }
            return found.events
        case .runs, .checkpoints, .events, .refused: return []
        }
    }

    /// Of a gang, only rank 0 reports. What counts of the others is that one has failed: then the run has.
    private mutating func happenings(
        of events: [PlacedEvent], of run: RunID, from node: NodeID
    ) -> [Happening] {
        let trial = engine.trial(run.trial)
        guard let known = trial?.runs.first(where: { $0.id == run }), known.lease.parts[0].node != node else {
            return events.map { Happening($0, of: run) }
        }
        guard engine.leasing.contains(run), case .ended(.failed(let failure))? = events.last?.event else {
            return []
        }
        answers += known.lease.parts.map { .stop(run, on: $0.node) }
        return [.runEnded(run: run, end: known.offset + 1, ending: .failed(failure))]
    }

    private mutating func events(of found: Reconciliation, _ node: NodeID) -> [Happening] {
        answers += found.strays.map { .stop($0, on: node) }
        return found.events
    }

    private mutating func lost(_ node: NodeID, _ failure: LinkFailure, retryIn seconds: Double) {
        absences.begin(node, at: monotonicSeconds())
        if absences.isNews(failure, of: node) {
            hands.printer.disconnected(node, failure, retryIn: seconds)
        }
        guard failure.isFinal else { return }
        do {
            try hands.fleet.setAside(node, because: "\(failure)")
        } catch {
            hands.printer.complain("node \(node) cannot be set aside: \(Text.fault(error))")
        }
    }

    /// Nodes that have joined or left, and those that were out of reach for too long.
    private mutating func refreshFleet() -> [Happening] {
        var gone: [NodeID] = []
        do {
            let changes = try hands.fleet.refresh(bound: engine.nodes.lazy.map(\.id))
            for node in changes.changed { hands.fleet.send(.survey, to: node) }
            for node in changes.joined { absences.begin(node, at: monotonicSeconds()) }
            for node in changes.left where !changes.joined.contains(node) {
                absences.end(node)
                gone.append(node)
            }
        } catch {
            hands.printer.complain("the enrolled nodes cannot be read: \(Text.fault(error))")
        }
        gone += absences.overdue(after: lostAfterSeconds, at: monotonicSeconds())
        return gone.filter { id in engine.nodes.contains { $0.id == id && !$0.isLost } }
            .map { .nodeLost(node: $0) }
    }

    /// A node has just answered: asks for everything since the last time, and repeats every order that it
    /// may not have got.
    private func greet(_ node: NodeID) {
        guard let link = hands.fleet.link(node) else { return }
        link.send(.survey)
        let offsets = engine.offsets(on: node).map { RunOffset(run: $0.run, end: $0.offset) }
        link.send(.follow(study: engine.study, offsets: offsets))
        for effect in engine.outstanding(on: node) { hands.begin(effect, of: engine) }
    }

    /// The study's ending, once its last checkpoints stand among the results too.
    private var settledEnding: StudyEnding? {
        guard case .ended(let ending) = engine.phase else { return nil }
        let open = engine.stages.filter { stage in
            stage.best.flatMap(engine.trial)?.checkpoint != nil && !stage.isKept
                && keepFailures[stage.index, default: 0] < Self.keepAttempts
        }
        return open.isEmpty ? ending : nil
    }
}

extension StudyLoop.Item {
    fileprivate var isInterruption: Bool {
        if case .interrupted = self { true } else { false }
    }
}

extension Timestamp {
    /// The one place that reads the clock for events.
    static var wallClock: Timestamp { Timestamp(seconds: Date().timeIntervalSince1970) }
}
