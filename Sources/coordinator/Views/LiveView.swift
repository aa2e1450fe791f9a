import FleetModel

/// One frame of the live view: a pure function of the status and the terminal's size.
enum LiveView {
    /// Lines of at most `width` characters, at most `height` of them.
    static func render(_ status: StudyStatus, width: Int, height: Int) -> [String] {
        let head = heading(status) + [""] + bars(status, width: width)
        let running = runningLines(status, limit: max(1, height - head.count - 9))
        let best = bestLines(status)
        let room = max(1, height - head.count - running.count - best.count - 2)
        let decisions = ["", "decisions"] + status.decisions.suffix(room).map { "  " + $0 }
        return (head + running + best + decisions).prefix(height).map { Text.cut($0, to: width) }
    }

    private static func heading(_ status: StudyStatus) -> [String] {
        let counts = status.trials
        return [
            [
                status.study, status.phase, "stage \(status.stage) (\(status.stage + 1) of \(status.stages))",
                "\(Text.duration(status.elapsedSeconds)) elapsed",
                "\(counts.completed) completed, \(counts.pruned) pruned, \(counts.failed) failed",
            ].joined(separator: " · ")
        ]
    }

    private static func bars(_ status: StudyStatus, width: Int) -> [String] {
        let cells = max(10, min(40, width - 40))
        func line(_ name: String, _ share: Double, _ left: Double?) -> String {
            let percent = Int((share * 100).rounded())
            let rest = left.map { "  about \(Text.duration($0)) left" } ?? ""
            return "\(name)  \(Text.bar(share, width: cells)) \(percent) %" + rest
        }
        return [
            line("stage", status.stageProgress, status.stageSecondsLeft),
            line("study", status.studyProgress, status.studySecondsLeft),
        ]
    }

    private static func runningLines(_ status: StudyStatus, limit: Int) -> [String] {
        let shown = status.running.prefix(limit)
        let rows = Text.table(
            shown.map { run in
                [
                    run.trial, "step \(run.step)/\(run.steps)",
                    run.value.map { Text.number($0, digits: 5) } ?? "…",
                    Text.sparkline(run.curve, width: 16),
                    run.isStopping ? "stopping" : run.secondsLeft.map { Text.duration($0) + " left" } ?? "",
                    run.lease, Text.assignment(run.params),
                ]
            })
        let more = status.running.count - shown.count
        let wait = status.waiting.map { ["  waiting: \($0)"] } ?? []
        guard !rows.isEmpty || !wait.isEmpty else { return [] }
        return ["", "running"] + rows.map { "  " + $0 } + (more > 0 ? ["  and \(more) more"] : []) + wait
    }

    private static func bestLines(_ status: StudyStatus) -> [String] {
        guard let best = status.best else { return [] }
        let value = Text.number(best.value, digits: 5)
        return ["", "best", "  \(best.trial)  \(status.metric) \(value)  \(Text.assignment(best.params))"]
    }
}
