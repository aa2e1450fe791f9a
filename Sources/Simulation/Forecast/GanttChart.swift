import FleetModel
public import StudyCore

/// The leases of a study over time, one row a slot, as SVG: what ran where, and how it ended by its colour.
public struct GanttChart {
    private struct Bar {
        let row: Int
        let from: Double
        let until: Double
        let run: RunID
        let colour: String
    }

    private static let width = 1200.0
    private static let left = 90.0
    private let rowHeight: Double
    private let rows: [String]
    private let bars: [Bar]
    private let seconds: Double

    /// - Parameter engine: of a study that has begun.
    public init(of engine: Engine) {
        let begin = engine.startedAt?.seconds ?? 0
        let slots = engine.nodes.flatMap { node in node.slots.map { "\(node.id):\($0.slot)" } }
        let row = Dictionary(slots.enumerated().map { ($0.element, $0.offset) }) { first, _ in first }
        rows = slots
        rowHeight = slots.count > 100 ? 4 : 14
        seconds = max(1, engine.now.seconds - begin)
        bars = engine.stages.flatMap(\.trials).flatMap { trial in
            trial.runs.flatMap { run in
                run.lease.parts.flatMap { part in
                    part.slots.compactMap { slot in
                        row["\(part.node):\(slot)"].map { row in
                            Bar(
                                row: row, from: run.since.seconds - begin,
                                until: (run.until ?? engine.now).seconds - begin, run: run.id,
                                colour: trial.colour(of: run))
                        }
                    }
                }
            }
        }
    }

    public var svg: String {
        let height = rowHeight * Double(rows.count) + 30
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(Int(Self.width))\" height=\"\(Int(height))\" "
                + "font-family=\"sans-serif\" font-size=\"9\">"
        ]
        if rowHeight > 9 {
            for (number, name) in rows.enumerated() {
                lines.append("<text x=\"2\" y=\"\(tenths(rowHeight * Double(number) + 10))\">\(name)</text>")
            }
        }
        lines += bars.map(element)
        for part in 0...10 {
            let x = Self.left + (Self.width - Self.left - 40) * Double(part) / 10
            lines.append(
                "<text x=\"\(tenths(x))\" y=\"\(tenths(height - 8))\">"
                    + "\(tenths(seconds * Double(part) / 36_000)) h</text>")
        }
        return (lines + ["</svg>", ""]).joined(separator: "\n")
    }

    private func element(of bar: Bar) -> String {
        let scale = (Self.width - Self.left - 40) / seconds
        let width = max(0.2, (bar.until - bar.from) * scale)
        return "<rect x=\"\(tenths(Self.left + bar.from * scale))\" "
            + "y=\"\(tenths(rowHeight * Double(bar.row) + 1))\" width=\"\(tenths(width))\" "
            + "height=\"\(tenths(rowHeight - 1))\" fill=\"\(bar.colour)\"><title>\(bar.run)</title></rect>"
    }

    /// With one digit after the point; what is below shows as nothing.
    private func tenths(_ x: Double) -> String { "\((x * 10).rounded() / 10)" }
}

extension Trial {
    /// Earlier runs were interrupted; the last one ended as its trial did.
    fileprivate func colour(of run: Run) -> String {
        guard run.id == runs.last?.id else { return "#bbbbbb" }
        switch state {
        case .ended(.completed): return "#2e7d32"
        case .ended(.pruned): return "#f9a825"
        case .ended(.failed): return "#c62828"
        case .ended(.cancelled), .queued, .running, .paused, .stopping: return "#90a4ae"
        }
    }
}
