import FleetLink
import FleetModel
import StudyCore

/// The nodes that a study names and nobody has enrolled. Each may be enrolled at any time, and is used from then on:
/// so it is a warning and no error, and the study waits.
struct UnenrolledNodes {
    let names: [NodeID]
    private let isEveryone: Bool
    private let enrolled: [NodeID]
    private let home: String

    /// None where the registry cannot be read, which whoever uses it tells.
    /// - Parameter known: nodes that have answered, wherever they are enrolled.
    init(of choice: NodeChoice, in registry: NodeRegistry, known: Set<NodeID> = []) {
        home = registry.home.path
        guard case .named(let named) = choice, let enrolled = try? registry.all().map(\.id) else {
            (names, enrolled, isEveryone) = ([], [], false)
            return
        }
        self.enrolled = enrolled
        names = named.filter { $0 != .local && !known.contains($0) && !enrolled.contains($0) }
        isEveryone = names.count == named.count
    }

    /// What to say of them; empty where there are none.
    var warnings: [String] {
        guard !names.isEmpty else { return [] }
        let words = names.map(\.rawValue).joined(separator: ", ")
        let others =
            enrolled.isEmpty ? "none is" : "enrolled are " + enrolled.map(\.rawValue).joined(separator: ", ")
        return [
            "resources.nodes: " + (names.count == 1 ? "node \(words) is" : "nodes \(words) are")
                + " not enrolled in \(home) (\(others)): enrol with `coordinator nodes enroll`, or take "
                + (names.count == 1 ? "it" : "them") + " out"
                + (isEveryone ? ". No node is left that the study names: it waits until one is enrolled" : "")
        ]
    }
}
