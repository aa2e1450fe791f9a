import FleetModel
import Search
import StudyCore

/// The trials of a Pareto front in pictures: one for two objectives, otherwise one for each pair.
struct ParetoPlot {
    let front: ParetoFront

    /// Each with the words under which it stands; none before a trial has finished.
    var panels: [(title: String, picture: Markup)] {
        guard !front.points.isEmpty else { return [] }
        let count = front.objectives.count
        let pairs = (0..<count).flatMap { y in (y + 1..<count).map { x in (x, y) } }
        return pairs.map { x, y in
            (
                "\(front.objectives[y].metric) over \(front.objectives[x].metric)",
                panel(x, y, isAlone: pairs.count == 1, [])
            )
        }
    }

    /// The first picture as a file of its own.
    var file: String? {
        front.points.isEmpty
            ? nil : panel(1, 0, isAlone: front.objectives.count == 2, [.style(ReportStyle.sheet)]).source
    }

    private func panel(_ x: Int, _ y: Int, isAlone: Bool, _ style: [Markup]) -> Markup {
        let (across, up) = (front.objectives[x], front.objectives[y])
        let frame = PlotFrame(
            width: isAlone ? 760 : 480, height: isAlone ? 420 : 320, x: axis(x), y: axis(y))
        let others = front.points.filter { !$0.isOnFront }
        let marks =
            [frame.curve("fit", edge(x, y, frame))]
            + others.compactMap { mark($0, x, y, frame) }
            + front.points.filter(\.isOnFront).compactMap { mark($0, x, y, frame) }
        return frame.svg(
            "\(up.metric) over \(across.metric) of every finished trial", xLabel: across.label,
            yLabel: up.label, style + marks)
    }

    /// Values that differ twentyfold are seen on a logarithm only.
    private func axis(_ index: Int) -> (PlotAxis.Scale, [Double]) {
        let values = front.points.map { $0.values[index] }
        let (low, high) = (values.min() ?? 0, values.max() ?? 0)
        return (low > 0 && high / low >= 20 ? .log : .linear, values)
    }

    private func mark(_ point: ParetoFront.Point, _ x: Int, _ y: Int, _ frame: PlotFrame) -> Markup? {
        let values = zip(front.objectives, point.values).map { "\($0.metric) \(Text.number($1))" }
        let title =
            "trial \(point.trial), \(point.standing): \(values.joined(separator: ", ")); "
            + Text.assignment(point.params)
        let at = (point.values[x], point.values[y])
        if point.isOnFront { return frame.dot("optimum", at.0, at.1, radius: 4.5, title: title) }
        return point.violation > 0
            ? frame.cross("failed", at.0, at.1, title: title)
            : frame.dot("faint", at.0, at.1, radius: 3.5, title: title)
    }

    /// The edge of what the trials dominate in these two objectives: steps, because nothing is known to lie
    /// between two trials. From the picture's end to its end.
    private func edge(_ x: Int, _ y: Int, _ frame: PlotFrame) -> [(Double, Double)] {
        let (across, up) = (front.objectives[x].direction, front.objectives[y].direction)
        let points = front.points.filter { $0.violation == 0 }.map { ($0.values[x], $0.values[y]) }
        let losses = points.map { point in
            [Loss(point.0, across), Loss(point.1, up)].compactMap(\.self)
        }
        let best = (Pareto.fronts(of: losses).first ?? []).sorted { losses[$0][0] < losses[$1][0] }
        guard let first = best.first, let last = best.last else { return [] }
        let top = up == .minimize ? frame.y.high : frame.y.low
        let end = across == .minimize ? frame.x.high : frame.x.low
        let steps = zip(best, best.dropFirst()).flatMap { here, next in
            [points[here], (points[next].0, points[here].1)]
        }
        return [(points[first].0, top)] + steps + [points[last], (end, points[last].1)]
    }
}

extension Objective {
    /// `inference_ms (ms), lower is better`
    fileprivate var label: String {
        axis + (direction == .minimize ? ", lower is better" : ", higher is better")
    }
}

extension ReportPage {
    /// What the study found between its objectives.
    func pareto(_ front: ParetoFront) -> Markup? {
        let panels = ParetoPlot(front: front).panels
        guard !panels.isEmpty else { return nil }
        let isAlone = panels.count == 1
        let figures = panels.map { panel in
            let caption = isAlone ? [] : [Markup.element("figcaption", [:], [Markup(panel.title)])]
            return Markup.element("figure", [:], caption + [panel.picture])
        }
        let table = front.table
        return section(
            "Between the objectives", words(front, isAlone: isAlone),
            [
                isAlone ? Markup(figures) : .element("div", ["class": "laws"], figures),
                Self.table(table[0], Array(table.dropFirst())),
            ])
    }

    private func words(_ front: ParetoFront, isAlone: Bool) -> String {
        let count = front.points.count(where: \.isOnFront)
        var words =
            "Of \(front.points.count) finished trials \(count) \(count == 1 ? "is" : "are") on the Pareto front "
            + "(blue): no other is at least as good in everything and better in something. The line is the edge of "
            + "what is dominated" + (isAlone ? "." : " in the two objectives of each picture alone.")
        if front.points.contains(where: { $0.violation > 0 }) {
            words += " Crosses break a constraint of the study."
        }
        if let volume = front.volumeWords {
            words +=
                " The front has the \(volume): the worst of each objective, and a tenth of its range beyond. "
                + "Volumes up to other references do not compare."
        }
        return words
    }
}
