import FleetLink
import FleetModel

/// Which nodes are out of reach, since when, and what was said about it. Times are of a clock that only goes
/// forward, in seconds.
struct Absences {
    private var since: [NodeID: Double] = [:]
    private var told: [NodeID: LinkFailure] = [:]

    /// There is no link to the node. The first such moment counts.
    mutating func begin(_ node: NodeID, at now: Double) {
        since[node] = since[node] ?? now
    }

    mutating func end(_ node: NodeID) {
        since[node] = nil
        told[node] = nil
    }

    /// Whether people have not heard of this failure yet. A host that is down is tried again and again.
    mutating func isNews(_ failure: LinkFailure, of node: NodeID) -> Bool {
        told.updateValue(failure, forKey: node) != failure
    }

    /// Nodes out of reach for at least so long, sorted; each is named once.
    mutating func overdue(after seconds: Double, at now: Double) -> [NodeID] {
        let nodes = since.filter { now - $0.value >= seconds }.keys.sorted()
        for node in nodes { since[node] = nil }
        return nodes
    }
}
