import FleetModel
import StudyCore

/// Where the slot-hours of some trials went.
struct Cost: Encodable {
    private(set) var trials = 0
    private(set) var completedGpuHours = 0.0
    private(set) var prunedGpuHours = 0.0
    /// Of trials that failed or were cancelled, and of those that still run.
    private(set) var otherGpuHours = 0.0
    /// What the pruned trials would have gone on to cost at their own pace.
    private(set) var savedGpuHours = 0.0

    init(of trials: [Trial], steps: Int, at now: Timestamp) {
        for trial in trials { add(trial, steps, now) }
    }

    private mutating func add(_ trial: Trial, _ steps: Int, _ now: Timestamp) {
        let hours = trial.slotSeconds(at: now) / 3600
        trials += 1
        switch trial.state {
        case .ended(.completed): completedGpuHours += hours
        case .ended(.pruned):
            prunedGpuHours += hours
            if trial.progress.step > 0 {
                savedGpuHours +=
                    hours * Double(max(0, steps - trial.progress.step)) / Double(trial.progress.step)
            }
        case .queued, .running, .paused, .stopping, .ended: otherGpuHours += hours
        }
    }

    var gpuHours: Double { completedGpuHours + prunedGpuHours + otherGpuHours }
}
