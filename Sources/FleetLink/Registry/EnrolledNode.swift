public import FleetModel

/// A machine that coordinators of this home may use, as its file in `nodes/` says.
public struct EnrolledNode: Hashable, Codable, Sendable {
    public let id: NodeID
    public let transport: Transport
    /// Where other nodes reach it, for runs over several; nil for an agent of the coordinator's machine.
    public let address: String?
    /// No new runs are placed on it; those that run go on to their end.
    public var isDraining: Bool
    /// Why no link to it is tried any more, until a person has looked and enrolled it again.
    public var setAside: String?

    public init(
        id: NodeID, transport: Transport, address: String? = nil, isDraining: Bool = false,
        setAside: String? = nil
    ) {
        self.id = id
        self.transport = transport
        self.address = address
        self.isDraining = isDraining
        self.setAside = setAside
    }
}
