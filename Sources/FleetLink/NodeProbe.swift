public import FleetModel
import Spawn
public import Wire

/// What one look at a node shows.
public struct NodeProbe: Hashable, Sendable {
    public let hello: Hello
    public let inventory: Inventory
    /// From the first attempt to the hello, and from a question to its answer on the open link. Seconds.
    public let connectSeconds: Double
    public let answerSeconds: Double

    /// Connects, asks once, and hangs up. The first failure counts.
    /// - Parameter patience: so long may all of it take, in seconds.
    public static func look(
        at node: NodeID, over transport: Transport, home: CoordinatorHome, patience: Double = 30
    ) async -> Result<NodeProbe, LinkFailure> {
        let start = monotonicSeconds()
        let link = NodeLink(node: node, transport: transport, home: home)
        let alarm = Task {
            try await Task.sleep(for: .seconds(patience))
            link.close()
        }
        defer {
            alarm.cancel()
            link.close()
        }
        var hello: Hello?
        var asked = start
        for await event in link.events {
            switch event {
            case .connected(let theirs):
                (hello, asked) = (theirs, monotonicSeconds())
                link.send(.survey)
            case .disconnected(let failure, _): return .failure(failure)
            case .news(.inventory(let inventory)):
                guard let hello else { continue }
                return .success(
                    NodeProbe(
                        hello: hello, inventory: inventory, connectSeconds: asked - start,
                        answerSeconds: monotonicSeconds() - asked))
            case .news: continue
            }
        }
        return .failure(.silent(seconds: Int(patience), said: ""))
    }
}
