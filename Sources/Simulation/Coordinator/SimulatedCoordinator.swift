import FleetModel
public import StudyCore

/// How events reach the engine.
public typealias Applying = (inout Engine, Event) throws(RefusedEvent) -> [Effect]

extension Engine {
    /// As production does.
    public static func plainly(_ engine: inout Engine, _ event: Event) throws(RefusedEvent) -> [Effect] {
        try engine.apply(event)
    }
}

/// To bytes and back, given from outside because this module links no library that could.
public struct Coding: Sendable {
    public let encode: @Sendable (Engine) -> [UInt8]
    public let decode: @Sendable ([UInt8]) -> Engine
    public let encodeEffects: @Sendable ([Effect]) -> [UInt8]

    public init(
        encode: @escaping @Sendable (Engine) -> [UInt8], decode: @escaping @Sendable ([UInt8]) -> Engine,
        encodeEffects: @escaping @Sendable ([Effect]) -> [UInt8]
    ) {
        self.encode = encode
        self.decode = decode
        self.encodeEffects = encodeEffects
    }
}

/// The coordinator's process and its journal, as in `coordinator/Loop/StudyLoop.swift`.
struct SimulatedCoordinator {
    /// What can arrive.
    enum Item {
        case connected(node: Int)
        case disconnected(node: Int)
        case news(node: Int, FleetNews)
        case happened(Happening)
        case keepFailed(stage: Int)
    }

    /// What a turn is to send besides its effects, once its steps are written: until then, the engine is ahead of
    /// the journal.
    enum Answer {
        case greet(node: Int)
        case stop(RunID, node: Int)
        case remove([Checkpoint], node: Int)
    }

    /// Where in a turn the process dies.
    enum Death {
        /// The transaction is torn: its steps are not in the journal, and no effect was begun.
        case beforeWriting
        /// The steps are in the journal, and so many of their effects were begun.
        case afterBeginning(effects: Int)
    }

    var engine: Engine
    var journal: SimulatedJournal
    let applying: Applying
    var inbox: [Item] = []
    var afterwards: [Answer] = []
    /// Counts processes: what an earlier one planned does not happen. Odd while one lives.
    var life = 0
    var isUp = false
    /// A turn is planned.
    var isTurnPlanned = false
    /// No turn begins before: the last one takes so long.
    var isBusyUntil = 0.0
    /// The process dies in its next turn.
    var dies: Death?
    /// Dies at the next turn, for so long.
    var downSeconds = 0.0
    /// A pause lasts so long.
    var pauseSeconds = 1.0
    /// Stages whose checkpoint could not be put among the results in this session.
    var keepFailures: Set<Int> = []
    /// Nothing more will happen.
    var isDone = false
    /// How far the head node's clock is behind.
    var clockBehind = 0.0

    init(_ engine: Engine, keepsJournal: Bool, coding: Coding?, applying: @escaping Applying) {
        self.engine = engine
        self.applying = applying
        journal = SimulatedJournal(engine, isKept: keepsJournal, coding: coding)
    }
}
