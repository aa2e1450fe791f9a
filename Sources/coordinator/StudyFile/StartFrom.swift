import FleetModel
import Foundation
import Journal
import Search
import StudyCore
import TrainerKit
import Wire

/// `start_from: { study: NAME, stage: 3 }`: the new study's first stage is number 3, and those before are NAME's.
struct StartFrom {
    /// Absolute.
    let study: StudyFolder
    let stage: Int

    /// nil where the file has none.
    init?(reading file: inout SettingsReader) {
        let read = file.nested("start_from") { start in
            StartFrom(
                study: StudyFolder(path: start.path("study", .folder)), stage: start.int("stage", in: 1...))
        }
        guard let read else { return nil }
        self = read
    }

    init(study: StudyFolder, stage: Int) {
        self.study = study
        self.stage = stage
    }

    /// The stages to begin with.
    func ancestry(for plan: Plan) throws -> Ancestry {
        guard let engine = try study.recorded() else {
            throw Failure.usage("start_from: \(study.path) holds no study that was begun")
        }
        guard let ancestry = Ancestry(of: engine, before: stage) else {
            let closed = engine.stages.prefix { $0.best != nil }.count
            throw Failure.usage(
                "start_from: of \(engine.study) \(closed) stages are finished, so expected a stage from 1 to "
                    + "\(closed), found \(stage)")
        }
        guard engine.plan.trainer.plugin == plan.trainer.plugin else {
            throw Failure.usage(
                "start_from: \(engine.study) was trained by \(engine.plan.trainer.plugin), whose checkpoints "
                    + "\(plan.trainer.plugin) cannot read")
        }
        let best = engine.stages[stage - 1].best.flatMap(engine.trial)
        if let problem = best.flatMap({ plan.space.problem(with: $0.assignment) }) {
            throw Failure.usage(
                "start_from: the space does not hold the best of stage \(stage - 1) of \(engine.study): \(problem)"
            )
        }
        return ancestry
    }

    /// Puts the ancestor's results beside the new study's, and among them what its first stage goes on from.
    func copyResults(of ancestry: Ancestry?, to session: StudySession) throws {
        guard let ancestry, let last = ancestry.stages.last else { return }
        for stage in ancestry.stages {
            try Self.copy(study.stage(stage.index), to: session.folder.stage(stage.index))
        }
        let kept = session.folder.stage(last.index) + "/ckpt"
        guard !ancestry.isKept else { return }
        let written =
            TrialFolder(
                path: (study.agentHome ?? session.agentHome) + "/runs/"
                    + RunKey(study: ancestry.study, run: ancestry.handover.run).folder
            ).checkpoints + "/" + ancestry.handover.name
        guard FileManager.default.fileExists(atPath: written) else {
            throw Failure.failed(
                "the checkpoint that stage \(stage) goes on from, \(ancestry.handover), is not on this machine "
                    + "(\(written)): begin from an earlier stage")
        }
        try? FileManager.default.removeItem(atPath: kept)
        try Self.copy(written, to: kept)
    }

    /// What is not there is not copied: a stage may have no results on disk.
    private static func copy(_ source: String, to target: String) throws {
        let files = FileManager.default
        guard files.fileExists(atPath: source), !files.fileExists(atPath: target) else { return }
        try files.createDirectory(
            atPath: (target as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        let fresh = target + ".new"
        try? files.removeItem(atPath: fresh)
        try files.copyItem(atPath: source, toPath: fresh)
        try files.moveItem(atPath: fresh, toPath: target)
    }
}
