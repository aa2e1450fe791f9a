import FleetModel
public import StudyCore

/// The leases of a study over time, one row a slot, as SVG: what ran where, and how it ended by its colour.
public struct GanttChart {
    private struct Bar {
        let row: Int
        let from: Double
        let until: Double
        let run: RunID
        let kind: BarKind
    }

    private struct Row {
        let node: String
        let slot: String
        let isFirstOfNode: Bool
    }

    private static let width = 1200.0
    private static let margin = (left: 110.0, right: 24.0, top: 58.0, bottom: 30.0)
    private let title: String
    private let rowHeight: Double
    private let rows: [Row]
    private let bars: [Bar]
    /// When stages after the first one opened.
    private let stages: [(index: Int, at: Double)]
    private let seconds: Double

    /// - Parameter engine: of a study that has begun.
    public init(of engine: Engine, title: String) {
        self.title = title
        let begin = engine.startedAt?.seconds ?? 0
        rows = engine.nodes.flatMap { node in
            node.slots.enumerated().map { number, offered in
                Row(node: "\(node.id)", slot: "\(offered.slot)", isFirstOfNode: number == 0)
            }
        }
        rowHeight = min(16, max(0.5, 900 / Double(max(1, rows.count))))
        seconds = max(1, engine.now.seconds - begin)
        stages = engine.stages.dropFirst().map { ($0.index, $0.openedAt.seconds - begin) }
        let places = Dictionary(
            rows.enumerated().map { ("\($0.element.node):\($0.element.slot)", $0.offset) },
            uniquingKeysWith: { first, _ in first })
        bars = engine.stages.flatMap(\.trials).flatMap { trial in
            trial.runs.flatMap { run in
                run.lease.parts.flatMap { part in
                    part.slots.compactMap { slot in
                        places["\(part.node):\(slot)"].map { row in
                            Bar(
                                row: row, from: run.since.seconds - begin,
                                until: (run.until ?? engine.now).seconds - begin, run: run.id,
                                kind: BarKind(run, of: trial))
                        }
                    }
                }
            }
        }
    }

    private var bottom: Double { Self.margin.top + rowHeight * Double(rows.count) }
    private var scale: Double { (Self.width - Self.margin.left - Self.margin.right) / seconds }

    public var svg: String {
        let height = Int((bottom + Self.margin.bottom).rounded(.up))
        let head =
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(Int(Self.width))\" height=\"\(height)\" "
            + "viewBox=\"0 0 \(Int(Self.width)) \(height)\" font-family=\"sans-serif\" font-size=\"11\">"
        let ground = "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>"
        let caption = text(title, x: 12, y: 20, size: 14, colour: "#222222")
        let lines =
            [head, ground, caption] + legend + bands + grid + bars.map(element) + stageMarks + names
        return (lines + ["</svg>", ""]).joined(separator: "\n")
    }

    // MARK: Parts

    private var legend: [String] {
        var x = 12.0
        let used = Set(bars.map(\.kind))
        return BarKind.allCases.filter(used.contains).flatMap { kind in
            let box = rectangle(x: x, y: 31, width: 11, height: 11, fill: kind.colour)
            let word = text(kind.rawValue, x: x + 16, y: 41)
            x += 34 + 6.2 * Double(kind.rawValue.count)
            return [box, word]
        }
    }

    /// Every other node on a shade, so that the eye keeps its row.
    private var bands: [String] {
        var (bands, node): ([String], Int) = ([], -1)
        for (index, row) in rows.enumerated() {
            if row.isFirstOfNode { node += 1 }
            guard row.isFirstOfNode, node % 2 == 1 else { continue }
            let count = rows[index...].prefix { $0.node == row.node }.count
            bands.append(
                rectangle(
                    x: Self.margin.left, y: Self.margin.top + rowHeight * Double(index),
                    width: Self.width - Self.margin.left - Self.margin.right,
                    height: rowHeight * Double(count), fill: "#f3f4f6"))
        }
        return bands
    }

    private var grid: [String] {
        let step = Self.gridSteps.first { seconds / $0.seconds <= 10 } ?? Self.gridSteps.last!
        return stride(from: 0, through: seconds, by: step.seconds).flatMap { time in
            let x = Self.margin.left + time * scale
            let number = time / step.unit
            let label = number == number.rounded() ? "\(Int(number))" : "\(tenths(number))"
            return [
                line(x, colour: "#d7dade", dash: nil),
                text("\(label) \(step.name)", x: x, y: bottom + 16, anchor: "middle"),
            ]
        }
    }

    /// Distances of grid lines, and the unit in which they are named.
    private static let gridSteps: [(seconds: Double, unit: Double, name: String)] =
        [1, 2, 5, 10, 20, 30].map { ($0, 1, "s") } + [1, 2, 5, 10, 20, 30].map { ($0 * 60, 60, "min") }
        + [1, 2, 3, 6, 12].map { ($0 * 3600, 3600, "h") }
        + [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].map { ($0 * 86_400, 86_400, "d") }

    private var stageMarks: [String] {
        stages.flatMap { stage in
            let x = Self.margin.left + stage.at * scale
            return [
                line(x, colour: "#37474f", dash: "4 3"),
                text("stage \(stage.index)", x: x + 3, y: Self.margin.top - 3),
            ]
        }
    }

    /// Slots where there is room for their names, else nodes, as many as fit.
    private var names: [String] {
        let fitsSlots = rowHeight >= 11
        var next = -Double.infinity
        return rows.enumerated().compactMap { index, row in
            let y = Self.margin.top + rowHeight * Double(index)
            guard fitsSlots || (row.isFirstOfNode && y >= next) else { return nil }
            next = y + 14
            let name = fitsSlots ? "\(row.node) \(row.slot)" : row.node
            let drop = fitsSlots ? rowHeight / 2 + 4 : 10
            return text(
                name, x: Self.margin.left - 8, y: y + drop, size: fitsSlots ? min(11, rowHeight) : 10,
                anchor: "end")
        }
    }

    private func element(of bar: Bar) -> String {
        let gap = rowHeight > 4 ? 1.0 : 0
        let width = max(0.3, (bar.until - bar.from) * scale - (gap > 0 ? 0.5 : 0))
        return "<rect x=\"\(hundredths(Self.margin.left + bar.from * scale))\" "
            + "y=\"\(hundredths(Self.margin.top + rowHeight * Double(bar.row) + gap / 2))\" "
            + "width=\"\(hundredths(width))\" height=\"\(hundredths(rowHeight - gap))\" "
            + "fill=\"\(bar.kind.colour)\"><title>\(bar.run) \(bar.kind.rawValue)</title></rect>"
    }

    // MARK: Shapes

    private func rectangle(x: Double, y: Double, width: Double, height: Double, fill: String) -> String {
        "<rect x=\"\(hundredths(x))\" y=\"\(hundredths(y))\" width=\"\(hundredths(width))\" "
            + "height=\"\(hundredths(height))\" fill=\"\(fill)\"/>"
    }

    private func line(_ x: Double, colour: String, dash: String?) -> String {
        let dashes = dash.map { " stroke-dasharray=\"\($0)\"" } ?? ""
        return "<line x1=\"\(hundredths(x))\" x2=\"\(hundredths(x))\" y1=\"\(hundredths(Self.margin.top))\" "
            + "y2=\"\(hundredths(bottom))\" stroke=\"\(colour)\"\(dashes)/>"
    }

    private func text(
        _ words: String, x: Double, y: Double, size: Double = 11, colour: String = "#4b5563",
        anchor: String = "start"
    ) -> String {
        "<text x=\"\(hundredths(x))\" y=\"\(hundredths(y))\" font-size=\"\(hundredths(size))\" "
            + "fill=\"\(colour)\" text-anchor=\"\(anchor)\">\(escaped(words))</text>"
    }

    private func escaped(_ words: String) -> String {
        words.map { letter in
            switch letter {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            case "\"": "&quot;"
            default: String(letter)
            }
        }.joined()
    }

    private func tenths(_ x: Double) -> Double { (x * 10).rounded() / 10 }

    private func hundredths(_ x: Double) -> Double { (x * 100).rounded() / 100 }
}

/// How a run ended, as far as a glance needs it.
private enum BarKind: String, CaseIterable {
    case completed, pruned, failed, interrupted, cancelled
    case open = "not ended"

    /// Earlier runs were interrupted; the last one ended as its trial did.
    init(_ run: Run, of trial: Trial) {
        guard run.id == trial.runs.last?.id else {
            self = .interrupted
            return
        }
        switch trial.state {
        case .ended(.completed): self = .completed
        case .ended(.pruned): self = .pruned
        case .ended(.failed): self = .failed
        case .ended(.cancelled): self = .cancelled
        case .queued, .running, .paused, .stopping: self = .open
        }
    }

    /// Told apart in grey and by the colour-blind too (Okabe and Ito 2008).
    var colour: String {
        switch self {
        case .completed: "#009E73"
        case .pruned: "#E6C229"
        case .failed: "#D55E00"
        case .interrupted: "#8A8F98"
        case .cancelled: "#B8BCC4"
        case .open: "#56B4E9"
        }
    }
}
