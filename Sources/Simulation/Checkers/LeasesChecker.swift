import FleetModel
public import StudyCore

/// No slot is leased twice: neither in the engine's orders nor by processes on a machine. And no lease
/// is forgotten: the engine holds those that were given and not taken back.
public struct LeasesChecker: Checker {
    private struct Place: Hashable {
        let node: NodeID
        let slot: Slot
    }

    private static let promise = "no slot is leased twice"
    private var leases: [Place: RunID] = [:]
    private var places: [RunID: [Place]] = [:]
    private var processes: [Place: RunID] = [:]

    public init() {}

    public mutating func saw(_ sight: FleetSight, _ engine: Engine) throws(Violation) {
        switch sight.what {
        case .began(let run, let node, let slots):
            for slot in slots {
                if let other = processes.updateValue(run, forKey: Place(node: node, slot: slot)) {
                    throw Violation(Self.promise, "\(run) begins on \(node):\(slot), where \(other) runs")
                }
            }
        case .gone(let run, let node):
            for (place, holder) in processes where holder == run && place.node == node {
                processes[place] = nil
            }
        case .logged, .lostLines, .saved, .removed, .kept: break
        }
    }

    public mutating func wrote(_ entries: [Entry], _ engine: Engine) throws(Violation) {
        for entry in entries {
            giveBack(entry.event.what)
            for case .launch(let order) in entry.effects { try lease(order) }
        }
        guard Set(engine.leasing) == Set(places.keys) else {
            let all = Set(engine.leasing).symmetricDifference(places.keys).sorted()
            throw Violation(Self.promise, "the engine and its orders disagree about the leases of \(all)")
        }
    }

    private mutating func giveBack(_ what: Happening) {
        switch what {
        case .runEnded(let run, _, _), .launchRefused(let run, _), .runMissing(let run): release(run)
        case .nodeLost(let node):
            for run in places.keys.sorted() where places[run]!.contains(where: { $0.node == node }) {
                release(run)
            }
        case .started, .nodeSurveyed, .runStarted, .reported, .checkpointSaved, .noted, .checkpointKept,
            .clockReached, .stopRequested, .retryRequested, .checkpointArrived, .checkpointUnreachable,
            .replanned, .inherited:
            break
        }
    }

    private mutating func release(_ run: RunID) {
        for place in places.removeValue(forKey: run) ?? [] { leases[place] = nil }
    }

    private mutating func lease(_ order: RunOrder) throws(Violation) {
        let wanted = order.lease.parts.flatMap { part in
            part.slots.map { Place(node: part.node, slot: $0) }
        }
        for place in wanted {
            if let other = leases.updateValue(order.run, forKey: place) {
                throw Violation(
                    Self.promise, "\(place.node):\(place.slot) goes to \(order.run) while \(other) has it")
            }
        }
        guard places.updateValue(wanted, forKey: order.run) == nil else {
            throw Violation(Self.promise, "\(order.run) is launched twice")
        }
    }
}
