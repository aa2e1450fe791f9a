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
    /// Checkpoints are copied to it and from it, also where it sees the files of the other node.
    public let hasOwnFiles: Bool

    public init(
        id: NodeID, transport: Transport, address: String? = nil, isDraining: Bool = false,
        setAside: String? = nil, hasOwnFiles: Bool = false
    ) {
        self.id = id
        self.transport = transport
        self.address = address
        self.isDraining = isDraining
        self.setAside = setAside
        self.hasOwnFiles = hasOwnFiles
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            id: try fields.decode(NodeID.self, forKey: .id),
            transport: try fields.decode(Transport.self, forKey: .transport),
            address: try fields.decodeIfPresent(String.self, forKey: .address),
            isDraining: try fields.decode(Bool.self, forKey: .isDraining),
            setAside: try fields.decodeIfPresent(String.self, forKey: .setAside),
            // Files of earlier versions do not say.
            hasOwnFiles: try fields.decodeIfPresent(Bool.self, forKey: .hasOwnFiles) ?? false)
    }
}
