import FleetModel
import StudyCore
import Wire

/// What agents say, as events of the engine. The only place that reads news.
extension Happening {
    /// The event that a run's line stands for.
    init(_ placed: PlacedEvent, of run: RunID) {
        switch placed.event {
        case .started: self = .runStarted(run: run, end: placed.end)
        case .report(let report): self = .reported(run: run, end: placed.end, report: report)
        case .checkpoint(let name, let step):
            self = .checkpointSaved(run: run, end: placed.end, name: name, step: step)
        case .note(let text): self = .noted(run: run, end: placed.end, text: text)
        case .ended(let ending): self = .runEnded(run: run, end: placed.end, ending: ending)
        }
    }

    /// What a node offers to `study`: a slot that one of its own runs holds counts as offered, for the
    /// engine knows its leases; one that somebody else holds does not.
    init(_ inventory: Inventory, of node: NodeID, for study: StudyID) {
        self = .nodeSurveyed(
            node: node,
            slots: inventory.slots.map { entry in
                switch entry.state {
                case .free: OfferedSlot(entry.slot)
                case .held(let run) where run.study == study: OfferedSlot(entry.slot)
                case .held(let run): OfferedSlot(entry.slot, unavailable: "held by \(run)")
                case .unavailable(let reason): OfferedSlot(entry.slot, unavailable: reason)
                }
            })
    }
}
