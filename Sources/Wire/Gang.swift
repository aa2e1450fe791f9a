/// Where one node stands in a run over several. Every node of a gang gets the same request but for `rank`
/// and its own slots; what counts is what rank 0 reports.
public struct Gang: Hashable, Codable, Sendable {
    /// At least 2.
    public let nodes: Int
    /// From 0; the lease's parts are in this order.
    public let rank: Int
    /// Where the others reach rank 0, for the trainer's own rendezvous: a host name or an IP address.
    public let masterAddress: String
    public let masterPort: Int

    public init(nodes: Int, rank: Int, masterAddress: String, masterPort: Int) {
        self.nodes = nodes
        self.rank = rank
        self.masterAddress = masterAddress
        self.masterPort = masterPort
    }
}
