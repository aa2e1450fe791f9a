public import FleetModel
import Search

/// One training from scratch by a schedule that is given: each piece is a stage of one trial, which goes on from
/// the checkpoint of the piece before. Any trainer that can start warm can follow a schedule so.
public struct ReplayMethod: Hashable, Codable, Sendable, MethodRules {
    /// Hyper-parameters over a stretch of steps.
    public struct Piece: Hashable, Codable, Sendable {
        public let assignment: Assignment
        /// At least 1.
        public let steps: Int

        public init(assignment: Assignment, steps: Int) {
            self.assignment = assignment
            self.steps = steps
        }
    }

    public let pieces: [Piece]
    /// As the study scored its trials, so that losses can be compared.
    public let score: Score

    /// - Parameter pieces: at least one.
    public init(pieces: [Piece], score: Score) {
        precondition(!pieces.isEmpty, "a schedule has a piece")
        self.pieces = pieces
        self.score = score
    }

    var stageCount: Int { pieces.count }
    var trialsPerStage: Int { 1 }
    var steps: Int { pieces[0].steps }

    func first(original: Space, prior: Prior?) -> StageOpening {
        opening(pieces[0], original, from: nil)
    }

    func next(after stages: [Stage], original: Space) -> NextStep {
        guard let last = stages.last, let best = last.bestTrial else {
            return .end(.failed(stages.withoutResult))
        }
        guard stages.count < pieces.count else { return .end(.completed) }
        guard let checkpoint = last.handover(of: best, fidelity) else {
            return .end(.failed(.noCheckpoint(stage: last.index, best: best.id)))
        }
        return .stage(opening(pieces[stages.count], original, from: checkpoint))
    }

    private func opening(_ piece: Piece, _ space: Space, from origin: Checkpoint?) -> StageOpening {
        StageOpening(
            space: space, origin: origin, enqueued: [space.searched(piece.assignment)], reason: .scheduled,
            steps: piece.steps)
    }
}
