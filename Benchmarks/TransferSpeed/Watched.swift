import FleetLink
import FleetModel
import Glibc
import Spawn
import Wire

/// A link and its events, which one task reads.
final class Watched: Sendable {
    let link: NodeLink
    private let seen = Monitor(Seen())
    private let task: Task<Void, Never>

    private struct Seen {
        var connections = 0
        var failures = 0
        var answers = 0
        var reports = 0
        /// When it last connected and when it last failed, of `monotonicSeconds`, and why.
        var (connected, failed) = (0.0, 0.0)
        var why = "nothing has happened yet"
    }

    init(_ link: NodeLink) {
        self.link = link
        let seen = seen
        task = Task {
            for await event in link.events {
                seen.use { seen in
                    switch event {
                    case .connected:
                        seen.connections += 1
                        seen.connected = monotonicSeconds()
                    case .news(.runs): seen.answers += 1
                    case .news(.events(_, let events)): seen.reports += events.count
                    case .disconnected(let failure, _):
                        seen.failures += 1
                        seen.failed = monotonicSeconds()
                        seen.why = failure.description
                    case .news: break
                    }
                }
            }
        }
    }

    var connections: Int { seen.use { $0.connections } }
    var failures: Int { seen.use { $0.failures } }

    /// Blocks until it has connected so often; answers when it last did.
    /// - Throws: where that takes over two minutes, with what the link says.
    @discardableResult
    func wait(forConnection number: Int) throws -> Double {
        try poll("is not connected") { $0.connections >= number ? $0.connected : nil }
    }

    /// Blocks until it has failed so often; answers when it last did.
    func wait(forFailure number: Int) throws -> Double {
        try poll("has not failed") { $0.failures >= number ? $0.failed : nil }
    }

    private func poll(_ complaint: String, _ look: (Seen) -> Double?) throws -> Double {
        let deadline = monotonicSeconds() + 120
        while monotonicSeconds() < deadline {
            if let answer = seen.use({ look($0) }) { return answer }
            usleep(2_000)
        }
        throw Unexpected("the link \(link.node) \(complaint) after two minutes: \(seen.use { $0.why })")
    }

    /// Asks what runs of a study there are, and blocks until that is told.
    func ask() {
        let before = seen.use { $0.answers }
        link.send(.follow(study: TransferSpeed.study, offsets: []))
        seen.wait { $0.answers > before ? () : nil }
    }

    /// Asks for a study's events, and blocks until so many have come.
    func follow(_ study: StudyID, events count: Int) {
        link.send(.follow(study: study, offsets: []))
        seen.wait { $0.reports >= count ? () : nil }
        seen.use { $0.reports = 0 }
    }

    func close() {
        link.close()
        task.cancel()
    }
}
