import FleetModel
import StudyCore

/// Every trial's loss over the steps of all stages, with the path that the study chose.
struct LossPlot {
    let record: StudyRecord

    /// nil before anything was reported.
    var markup: Markup? {
        let drawn = record.engine.trials.map { ($0, course(of: $0)) }.filter { !$0.1.isEmpty }
        guard !drawn.isEmpty else { return nil }
        let points = drawn.flatMap(\.1)
        let frame = PlotFrame(
            width: 1000, height: 340, x: (.linear, [0] + points.map(\.0)),
            y: (.linear, Self.visible(points.map(\.1))))
        let bests = record.bests
        let others = drawn.filter { !bests.contains($0.0.id) }
        let chosen = drawn.filter { bests.contains($0.0.id) }
        let marks =
            borders(frame) + others.map { curve($0, frame, "trial " + $0.0.state.word) }
            + path(of: chosen, frame)
            + chosen.compactMap { trial, points in
                frame.dot(
                    "chosen-end", points.last!.0, points.last!.1,
                    title: "best of stage \(trial.id.stage): trial \(trial.id)")
            }
        return frame.svg(
            "\(record.engine.plan.objective.metric) of every trial over the steps of all stages",
            xLabel: "optimiser steps since the study's model was new",
            yLabel: record.engine.plan.objective.metric, marks)
    }

    /// The few losses that blow up, at the start or for good, would flatten all others: the worst 4 % may run
    /// out of the picture.
    private static func visible(_ values: [Double]) -> [Double] {
        let sorted = values.filter(\.isFinite).sorted()
        guard sorted.count > 50 else { return sorted }
        return [sorted[sorted.count / 50], sorted[sorted.count * 48 / 50], sorted[0]]
    }

    /// Up to where the next stage goes on; what a trial did after that, its cooldown, is a branch.
    private func path(of chosen: [(Trial, [(Double, Double)])], _ frame: PlotFrame) -> [Markup] {
        var last: (Double, Double)?
        return chosen.flatMap { trial, points -> [Markup] in
            let handover = Double(record.offsets[trial.id.stage] + record.engine.course(of: trial).training)
            let kept = points.filter { $0.0 <= handover }
            let branch = [kept.last].compactMap(\.self) + points.filter { $0.0 > handover }
            let before = last
            last = kept.last ?? last
            return [
                curve((trial, kept.isEmpty ? points : kept), frame, "chosen", after: before),
                branch.count > 1 ? frame.curve("chosen cooldown", branch) : [],
            ]
        }
    }

    private func course(of trial: Trial) -> [(Double, Double)] {
        let offset = record.offsets[trial.id.stage]
        return (record.curves[trial.id] ?? []).map { (Double(offset + $0.step), $0.value) }
    }

    /// `after`: the last point of the path so far, which this curve goes on from.
    private func curve(
        _ drawn: (Trial, [(Double, Double)]), _ frame: PlotFrame, _ style: String,
        after last: (Double, Double)? = nil
    ) -> Markup {
        let trial = drawn.0
        let points = (last.map { [$0] } ?? []) + drawn.1
        let title = "\(trial.id) \(trial.state.word): \(Text.assignment(trial.assignment))"
        // A curve of one point would be nothing to see.
        guard points.count > 1 else {
            return frame.dot(style + " dot", points[0].0, points[0].1, radius: 1.5, title: title) ?? []
        }
        return frame.curve(style, points, title: title)
    }

    private func borders(_ frame: PlotFrame) -> [Markup] {
        guard record.engine.stages.count > 1 else { return [] }
        let ends = record.offsets + [record.engine.closedStages.last?.span.upperBound ?? 0]
        return record.engine.stages.indices.flatMap { index -> [Markup] in
            let (from, to) = (record.offsets[index], max(ends[index + 1], record.offsets[index] + 1))
            return [
                index > 0 ? frame.upright("border", Double(from)) : nil,
                frame.heading("\(index)", over: Double(from + to) / 2),
            ].compactMap { $0 }
        }
    }
}
