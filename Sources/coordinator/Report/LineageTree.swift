import FleetModel
import Search
import StudyCore

/// Who took over from whom in a population: members side by side, generations one below the other.
struct LineageTree {
    private struct Piece {
        let member: Int
        let generation: Int
        let trial: Trial
        /// The member whose state it began with; nil for a new model.
        let parent: Int?
        let isOfWinner: Bool
    }

    private let pieces: [Piece]
    private let members: Int
    private let generations: Int
    private let objective: Objective

    init(of engine: Engine) {
        objective = engine.plan.objective
        let line = Set(engine.best.map { engine.lineage(of: $0.id).map(\.id) } ?? [])
        pieces = engine.trials.map { trial in
            let parent = trial.origin.flatMap { engine.trial($0.run.trial)?.membership.member }
            return Piece(
                member: trial.membership.member, generation: trial.membership.generation, trial: trial,
                parent: parent, isOfWinner: line.contains(trial.id))
        }
        members = (pieces.map(\.member).max() ?? -1) + 1
        generations = (pieces.map(\.generation).max() ?? -1) + 1
    }

    private func value(of trial: Trial) -> String {
        trial.progress.latest.map { Text.number($0.metric(objective.direction)) } ?? trial.state.word
    }

    /// One line a generation, one column a member: the loss, `<3` where it took over from member 3, `*` on the
    /// way to the winner.
    var text: String {
        let head = ["generation"] + (0..<members).map { "member \($0)" }
        let rows = (0..<generations).map { generation in
            ["\(generation)"]
                + (0..<members).map { member in
                    guard
                        let piece = pieces.first(where: { $0.member == member && $0.generation == generation }
                        )
                    else { return "" }
                    let from = piece.parent.flatMap { $0 == member ? nil : " <\($0)" } ?? ""
                    return value(of: piece.trial) + from + (piece.isOfWinner ? " *" : "")
                }
        }
        return Text.table([head] + rows).joined(separator: "\n") + "\n"
    }

    /// The same as a picture: a dot a piece, a line to what it came from, the winner's way thick.
    var markup: Markup { svg([]) }

    /// A file of its own.
    var file: String { svg([.style(ReportStyle.sheet)]).source }

    private func svg(_ style: [Markup]) -> Markup {
        let frame = PlotFrame(
            width: 640, height: Double(80 + 44 * max(1, members)),
            x: (.linear, [0, Double(max(1, generations - 1))]),
            y: (.linear, [0, Double(max(1, members - 1))]))
        let lines = pieces.filter { !$0.isOfWinner } + pieces.filter(\.isOfWinner)
        let curves = lines.compactMap { piece -> Markup? in
            guard let parent = piece.parent else { return nil }
            let (x, y) = (Double(piece.generation), Double(piece.member))
            return frame.curve(
                piece.isOfWinner ? "chosen" : "trial", [(x - 1, Double(parent)), (x, y)])
        }
        let dots = pieces.compactMap { piece in
            frame.dot(
                piece.isOfWinner ? "optimum" : "faint", Double(piece.generation), Double(piece.member),
                radius: 5,
                title: "\(piece.trial.id): \(objective.metric) \(value(of: piece.trial)), "
                    + Text.assignment(piece.trial.assignment))
        }
        return frame.svg(
            "lineage of the population", xLabel: "generation", yLabel: "member", style + curves + dots)
    }
}
