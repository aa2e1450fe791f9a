public import FleetModel
import Wire

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
    /// What its agent says of itself; nil where it was enrolled by a version that did not ask.
    public let agent: AgentPlace?

    public init(
        id: NodeID, transport: Transport, address: String? = nil, isDraining: Bool = false,
        setAside: String? = nil, hasOwnFiles: Bool = false, agent: AgentPlace? = nil
    ) {
        self.id = id
        self.transport = transport
        self.address = address
        self.isDraining = isDraining
        self.setAside = setAside
        self.hasOwnFiles = hasOwnFiles
        self.agent = agent
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
            hasOwnFiles: try fields.decodeIfPresent(Bool.self, forKey: .hasOwnFiles) ?? false,
            agent: try fields.decodeIfPresent(AgentPlace.self, forKey: .agent))
    }
}

/// Which agent of which machine it is.
public struct AgentPlace: Hashable, Codable, Sendable {
    public let hostname: String
    /// Its home; nil where its ticket does not say.
    public let home: String?

    public init(hostname: String, home: String?) {
        (self.hostname, self.home) = (hostname, home)
    }
}

extension EnrolledNode {
    /// Whether both lead to the same agent, by whatever name, so that its slots would count twice and its
    /// checkpoints be cleared away by each other's studies. Machines of one image have each other's host keys: what
    /// calls itself otherwise, or is reached elsewhere and has not been asked, is another machine.
    func isSameAgent(as other: EnrolledNode) -> Bool {
        guard case .ssh(let mine) = transport, case .ssh(let theirs) = other.transport,
            transport.isSameMachine(as: other.transport)
        else { return false }
        // Of one user's key, a server starts one agent only.
        if (mine.host, mine.port) == (theirs.host, theirs.port) { return true }
        guard let agent, let otherAgent = other.agent, agent.hostname == otherAgent.hostname else {
            return false
        }
        guard let home = agent.home, let otherHome = otherAgent.home else { return true }
        return home == otherHome
    }
}
