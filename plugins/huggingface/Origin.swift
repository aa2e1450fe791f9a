import FleetModel
import Glibc
import TrainerKit
import Wire

/// Where a run's training state comes from, as the script can take it.
enum Origin: Hashable {
    case fresh
    /// A folder of weights alone.
    case weights(String)
    /// A checkpoint of the training loop: another trial's, under this trial's values.
    case warm(String)
    /// A checkpoint of this trial.
    case resume(String, step: Int)

    init(of spec: RunSpec, loop: TrainingLoop, keepsOptimizer: Bool) throws(Refusal) {
        switch spec.start {
        case .fresh: self = .fresh
        case .resume(let folder, let step):
            guard Self.holds(folder, loop.stateFile) else {
                throw Refusal("found no \(loop.stateFile) in \(folder); expected a checkpoint of this trial")
            }
            self = .resume(folder, step: step)
        case .warm(let folder):
            // Of a loop of the script's own, the weights alone are for the module to load too.
            if keepsOptimizer || loop == .accelerate, Self.holds(folder, loop.checkpointFile) {
                self = .warm(folder)
            } else if Self.isModel(folder) {
                self = .weights(folder)
            } else {
                throw Refusal(
                    "found neither \(loop.checkpointFile) nor config.json in \(folder); expected a checkpoint of "
                        + "\(loop.description), or a model that save_pretrained wrote")
            }
        }
    }

    /// Whether a model that `save_pretrained` wrote is in the folder.
    static func isModel(_ folder: String) -> Bool { holds(folder, "config.json") }

    private static func holds(_ folder: String, _ name: String) -> Bool {
        access(folder + "/" + name, R_OK) == 0
    }

    /// What the Trainer itself, or the module, loads.
    var checkpoint: String? {
        switch self {
        case .fresh, .weights: nil
        case .warm(let folder), .resume(let folder, _): folder
        }
    }
}
