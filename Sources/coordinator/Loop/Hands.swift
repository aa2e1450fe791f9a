import FleetLink
import FleetModel
import StudyCore
import Wire

/// Begins effects and never waits for them.
struct Hands {
    let fleet: Fleet
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
        case .keep(let checkpoint, _, let stage): keep(checkpoint, stage: stage, of: engine)
        case .tell(let decision): printer.tell(decision, of: engine)
        case .record(let trial): results.record(trial, of: engine)
        case .wake(let moment): wake(at: moment)
        case .finish: break
        }
    }

    private func keep(_ checkpoint: Checkpoint, stage: Int, of engine: Engine) {
        let (inbox, results) = (inbox, results)
        Task {
            do {
                try await results.keep(checkpoint, stage: stage, of: engine)
                await inbox.post(.happened(.checkpointKept(stage: stage)))
            } catch {
                await inbox.post(.keepFailed(stage: stage, reason: Text.fault(error)))
            }
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

    private func wake(at moment: Timestamp) {
        let inbox = inbox
        Task {
            try await Task.sleep(for: .seconds(max(0, moment.seconds - Timestamp.wallClock.seconds)))
            await inbox.post(.happened(.clockReached))
        }
    }
}
