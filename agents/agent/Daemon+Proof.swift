import FleetModel
import Spawn
import Wire

/// The proof that slots may be leased again: nothing lives of the run that held them, and the memory of its GPUs
/// was seen to be given back after its end.
extension Daemon {
    /// The memory of a run's GPUs must be back within so long of its end; then it counts as somebody else's.
    private static let patienceWithMemory = 15.0

    /// Between two looks at memory that was not given back yet, which takes the driver a moment.
    private static let secondsBetweenLooks = 0.2

    /// Whether the slots of a run that ended at `end` may be leased again. Asks for their memory where nobody has since.
    func isProvenFree(_ run: LiveRun, since end: Double, now: Double) -> Bool {
        guard let slots, slots.doubt == nil, case .found = slots.findings.survey else { return true }
        let held = Set(holders.filter { $0.value != run.key }.keys)
        let isProven = provenBy >= end && slots.areEmpty(run.slots, held: held)
        if isProven || now >= end + Self.patienceWithMemory {
            if !isProven { log.write("\(run.key) is over, and the memory of its GPUs is still in use") }
            // From now on what is found on them is not the run's.
            self.slots?.heldWhenSurveyed.subtract(run.slots)
            return true
        }
        if !isProving, proofBegan < end || now >= proofBegan + Self.secondsBetweenLooks { prove(now: now) }
        return false
    }

    /// Asks nvidia-smi once, for the memory alone, and then looks at the runs that wait for it. All of a survey is
    /// several questions, and may have begun before the end of the run.
    private func prove(now: Double) {
        (isProving, proofBegan) = (true, now)
        let isLog = runs.values.contains { $0.isOver && $0.slots.contains(where: \.isSlice) }
        ask(options.nvidiaSMI, isLog ? MIGQuery.log : GPUQuery.devices([]), now: now) { daemon, answer in
            daemon.isProving = false
            if daemon.slots?.findings.noteMemory(answer, isLog: isLog) == true {
                daemon.provenBy = now
            } else {
                // A survey finds out what is wrong.
                daemon.nextSurvey = min(daemon.nextSurvey, monotonicSeconds())
            }
            for run in daemon.runs.values where run.isOver { run.lookNow() }
        }
    }
}
