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
}

extension ShownSlot {
    /// A slot of an inventory, as `study` sees it.
    /// - Parameter reservation: why a slot that others leave alone is to get no new run all the same.
    init(_ entry: Inventory.Entry, in study: StudyID, reservation: String?) {
        switch entry.state {
        case .free: self.init(entry.slot, unavailable: reservation)
        case .held(let run) where run.study == study:
            self.init(entry.slot, holder: run.run, unavailable: reservation)
        case .held(let run): self.init(entry.slot, unavailable: "held by \(run)")
        case .unavailable(let reason): self.init(entry.slot, unavailable: reason)
        }
    }
}
