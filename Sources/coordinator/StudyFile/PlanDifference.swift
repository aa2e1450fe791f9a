import StudyCore

/// What a changed study file changed.
struct PlanDifference {
    /// Names of sections, in the order of a study file.
    let parts: [String]

    var words: String { parts.joined(separator: ", ") }

    /// nil where the plans are equal. A prior that has come to say something else since is none: its points were
    /// tried long ago.
    init?(recorded: Plan, file: Plan) {
        let parts: [(String, Bool)] = [
            ("trainer", recorded.trainer.placed(in: file.trainer.baseFolder) != file.trainer),
            (
                "folder (paths in it start from \(recorded.trainer.baseFolder))",
                recorded.trainer.baseFolder != file.trainer.baseFolder
            ),
            ("objective", recorded.objectives != file.objectives || recorded.bounds != file.bounds),
            ("repeats", recorded.repeats != file.repeats),
            ("space", recorded.space != file.space), ("method", recorded.method != file.method),
            ("sampler", recorded.sampler != file.sampler), ("pruner", recorded.pruner != file.pruner),
            ("seed", recorded.seed != file.seed), ("resources", !recorded.resources.isLike(file.resources)),
            ("budget", recorded.budget != file.budget), ("checkpoints", recorded.keepBest != file.keepBest),
        ]
        let changed = parts.filter(\.1).map(\.0)
        guard !changed.isEmpty else { return nil }
        self.parts = changed
    }
}

extension Resources {
    /// Equal but for the choice of nodes and how long they are waited for: a fleet changes while a study runs.
    fileprivate func isLike(_ other: Resources) -> Bool {
        Resources(
            gpus: gpus, gpusPerNode: gpusPerNode, parallel: parallel, retries: retries, nodes: other.nodes,
            lostAfterSeconds: other.lostAfterSeconds) == other
    }
}
