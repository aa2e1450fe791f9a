import StudyCore

/// What is durable of a study: whole batches, in order, and a snapshot now and then.
struct SimulatedJournal {
    let isKept: Bool
    private let coding: Coding?
    private let first: Engine
    private(set) var entries: [Entry] = []
    private var snapshot: (bytes: [UInt8], engine: Engine, count: Int)?

    /// Entries between snapshots at least: few, so that both ways of recovery are taken often.
    private static let interval = 40

    init(_ engine: Engine, isKept: Bool, coding: Coding?) {
        first = engine
        self.isKept = isKept
        self.coding = coding
    }

    mutating func append(_ batch: [Entry], _ engine: Engine) {
        guard isKept else { return }
        entries += batch
        let last = snapshot?.count ?? 0
        guard entries.count >= last + max(Self.interval, last / 4) else { return }
        snapshot = (coding?.encode(engine) ?? [], engine, entries.count)
    }

    /// The newest snapshot, and every entry after it applied again.
    func restore(_ applying: Applying) throws(Violation) -> Engine {
        precondition(isKept, "a coordinator that may crash keeps a journal")
        var engine = first
        if let snapshot { engine = coding?.decode(snapshot.bytes) ?? snapshot.engine }
        for (number, entry) in entries.enumerated().dropFirst(snapshot?.count ?? 0) {
            var effects: [Effect]?
            do { effects = try applying(&engine, entry.event) } catch { effects = nil }
            guard effects == entry.effects else {
                throw Violation(
                    "recovery equals",
                    "entry \(number) gives other effects when it is replayed: "
                        + "\(effects.map { "\($0)" } ?? "refused") instead of \(entry.effects)")
            }
        }
        return engine
    }
}
