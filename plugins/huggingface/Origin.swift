import FleetModel
import Glibc
import TrainerKit
import Wire

/// Where a run's training state comes from, as the script can take it.
enum Origin: Hashable {
    case fresh
    /// A folder of weights alone.
    case weights(String)
    /// A checkpoint of `transformers.Trainer`: another trial's, under this trial's values.
    case warm(String)
    /// A checkpoint of this trial.
    case resume(String, step: Int)

    /// Written last by the Trainer: a checkpoint with it is complete.
    static let stateFile = "trainer_state.json"

    init(of spec: RunSpec, keepsOptimizer: Bool) throws(Refusal) {
        switch spec.start {
        case .fresh: self = .fresh
        case .resume(let folder, let step):
            guard Self.holds(folder, Self.stateFile) else {
                throw Refusal("found no \(Self.stateFile) in \(folder); expected a checkpoint of this trial")
            }
            self = .resume(folder, step: step)
        case .warm(let folder):
            if keepsOptimizer, Self.holds(folder, Self.stateFile) {
                self = .warm(folder)
            } else if Self.isModel(folder) {
                self = .weights(folder)
            } else {
                throw Refusal(
                    "found neither \(Self.stateFile) nor config.json in \(folder); expected a checkpoint of "
                        + "transformers.Trainer, or a model that save_pretrained wrote")
            }
        }
    }

    /// Whether a model that `save_pretrained` wrote is in the folder.
    static func isModel(_ folder: String) -> Bool { holds(folder, "config.json") }

    private static func holds(_ folder: String, _ name: String) -> Bool {
        access(folder + "/" + name, R_OK) == 0
    }

    /// What the Trainer itself loads.
    var checkpoint: String? {
        switch self {
        case .fresh, .weights: nil
        case .warm(let folder), .resume(let folder, _): folder
        }
    }
}
