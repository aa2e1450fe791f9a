import FleetLink
import FleetModel
import StudyCore
import Wire

/// Begins effects and never waits for them.
struct Hands {
    let fleet: Fleet
    let couriers: Couriers
    let results: ResultsTree
    let inbox: Inbox<StudyLoop.Item>
    let printer: Printer

    func begin(_ effect: Effect, of engine: Engine) {
        switch effect {
        case .launch, .stop, .remove:
            for node in effect.nodes {
                let order = engine.order(effect, for: node, address: fleet.address)
                if let order { fleet.send(order, to: node) }
            }
            if case .launch = effect { results.move(engine) }
        case .keep(let checkpoint, let node, let stage): keep(checkpoint, on: node, stage: stage, of: engine)
        case .bring(let checkpoint, let sources, let nodes):
            bring(checkpoint, from: sources, to: nodes, of: engine)
        case .tell(let decision): printer.tell(decision, of: engine)
        case .record(let trial): results.record(trial, of: engine)
        case .wake(let moment): wake(at: moment)
        case .finish: break
        }
    }

    /// What no node has is first put back where this machine's agent finds it.
    private func bring(
        _ checkpoint: Checkpoint, from sources: [NodeID], to nodes: [NodeID], of engine: Engine
    ) {
        let (inbox, results, couriers) = (inbox, results, couriers)
        Task {
            do {
                if sources.isEmpty { try await results.putBack(checkpoint, of: engine) }
            } catch {
                for node in nodes {
                    await inbox.post(.happened(.unreachable(checkpoint, node, Text.fault(error))))
                }
                return
            }
            couriers.bring(checkpoint, from: sources.isEmpty ? [.local] : sources, to: nodes) {
                node, result in
                let what: Happening =
                    switch result {
                    case .success: .checkpointArrived(checkpoint: checkpoint, node: node)
                    case .failure(let failure): .unreachable(checkpoint, node, failure.description)
                    }
                Task { await inbox.post(.happened(what)) }
            }
        }
    }

    /// A checkpoint of other machines comes to this one's agent first, from the first that has it and can be reached.
    private func keep(_ checkpoint: Checkpoint, on node: NodeID, stage: Int, of engine: Engine) {
        let (inbox, results) = (inbox, results)
        @Sendable func copy() {
            Task {
                do {
                    try await results.keep(checkpoint, stage: stage, of: engine)
                    await inbox.post(.happened(.checkpointKept(stage: stage)))
                } catch {
                    await inbox.post(.keepFailed(stage: stage, reason: Text.fault(error)))
                }
            }
        }
        let sources = engine.sources(toKeep: checkpoint, of: node)
        guard !sources.contains(.local) else { return copy() }
        couriers.bring(checkpoint, from: sources, to: [.local]) { _, result in
            if case .failure(let failure) = result {
                Task { await inbox.post(.keepFailed(stage: stage, reason: failure.description)) }
                return
            }
            // From now on this machine's agent is one more that has it.
            Task { await inbox.post(.happened(.checkpointArrived(checkpoint: checkpoint, node: .local))) }
            copy()
        }
    }

    /// Asks a node again what it offers. A refusal takes slots out of the pool until then.
    func survey(_ node: NodeID, afterSeconds seconds: Double) {
        let fleet = fleet
        Task {
            try await Task.sleep(for: .seconds(seconds))
            fleet.send(.survey, to: node)
        }
    }

    func keepAgain(_ stage: Int, afterSeconds seconds: Double) {
        let inbox = inbox
        Task {
            try await Task.sleep(for: .seconds(seconds))
            await inbox.post(.keepAgain(stage: stage))
        }
    }

    private func wake(at moment: Timestamp) {
        let inbox = inbox
        Task {
            try await Task.sleep(for: .seconds(max(0, moment.seconds - Timestamp.wallClock.seconds)))
            await inbox.post(.happened(.clockReached))
        }
    }
}

extension Happening {
    fileprivate static func unreachable(_ checkpoint: Checkpoint, _ node: NodeID, _ reason: String) -> Self {
        .checkpointUnreachable(checkpoint: checkpoint, node: node, reason: reason)
    }
}
