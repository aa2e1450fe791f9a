/// The frame of a plot: where its marks go, its axes with their labels.
struct PlotFrame {
    let width: Double
    let height: Double
    let x: PlotAxis
    let y: PlotAxis
    private let left: Double
    private static let (right, top, bottom) = (12.0, 8.0, 40.0)

    init(
        width: Double, height: Double, x: (PlotAxis.Scale, [Double]), y: (PlotAxis.Scale, [Double]),
        left: Double = 62
    ) {
        self.width = width
        self.height = height
        self.left = left
        self.x = PlotAxis(x.0, over: x.1, from: left, to: width - Self.right)
        self.y = PlotAxis(y.0, over: y.1, from: height - Self.bottom, to: Self.top)
    }

    /// Pixels of a point; nil where it cannot be shown.
    func place(_ x: Double, _ y: Double) -> (x: Double, y: Double)? {
        guard let x = self.x.pixel(x), let y = self.y.pixel(y) else { return nil }
        return (x, y)
    }

    /// The whole picture; `name` says what it shows to those who cannot see it.
    func svg(_ name: String, xLabel: String, yLabel: String, _ marks: [Markup]) -> Markup {
        .element(
            "svg",
            [
                "xmlns": "http://www.w3.org/2000/svg",
                "viewBox": "0 0 \(Self.short(width)) \(Self.short(height))", "role": "img",
                "aria-label": name, "width": Self.short(width),
            ], grid + marks + labels(xLabel, yLabel))
    }

    private var grid: [Markup] {
        let (bottom, right) = (height - Self.bottom, width - Self.right)
        let rows = y.ticks().compactMap { tick in
            y.pixel(tick).map { at in
                [
                    Self.line("grid", (left, at), (right, at)),
                    Self.label(Text.number(tick), at: (left - 6, at + 4), anchor: "end"),
                ]
            }
        }
        let columns = x.ticks(max(2, Int(width / 110))).compactMap { tick in
            x.pixel(tick).map { at in
                [
                    Self.line("grid", (at, Self.top), (at, bottom)),
                    Self.label(Text.number(tick), at: (at, bottom + 16), anchor: "middle"),
                ]
            }
        }
        return (rows + columns).flatMap { $0 } + [Self.line("axis", (left, bottom), (right, bottom))]
    }

    private func labels(_ xLabel: String, _ yLabel: String) -> [Markup] {
        let middle = (Self.top + height - Self.bottom) / 2
        return [
            Self.label(xLabel, at: ((left + width - Self.right) / 2, height - 6), anchor: "middle"),
            .element(
                "text",
                [
                    "class": "label", "text-anchor": "middle",
                    "transform": "translate(12 \(Self.short(middle))) rotate(-90)",
                ], [Markup(yLabel)]),
        ]
    }

    // MARK: marks

    /// A line through points; a gap where one cannot be shown.
    func curve(_ style: String, _ points: [(Double, Double)], title: String? = nil) -> Markup {
        var path = ""
        var isDrawing = false
        for point in points {
            guard let at = place(point.0, point.1) else {
                isDrawing = false
                continue
            }
            path += (isDrawing ? "L" : "M") + Self.short(at.x) + " " + Self.short(clipped(at.y))
            isDrawing = true
        }
        return .element("path", ["class": style, "d": path], title.map(Self.title) ?? [])
    }

    /// An area between two curves over the same x.
    func band(_ style: String, _ points: [(x: Double, low: Double, high: Double)]) -> Markup {
        let upper = points.compactMap { place($0.x, $0.high) }
        let lower = points.reversed().compactMap { place($0.x, $0.low) }
        let corners = (upper + lower).map { Self.short($0.x) + "," + Self.short(clipped($0.y)) }
        return .element("polygon", ["class": style, "points": corners.joined(separator: " ")])
    }

    func dot(_ style: String, _ x: Double, _ y: Double, radius: Double = 4, title: String) -> Markup? {
        place(x, y).map { at in
            .element(
                "circle",
                [
                    "class": style, "cx": Self.short(at.x), "cy": Self.short(clipped(at.y)),
                    "r": Self.short(radius),
                ], Self.title(title))
        }
    }

    func cross(_ style: String, _ x: Double, _ y: Double, title: String) -> Markup? {
        place(x, y).map { at in
            let d = "M\(Self.short(at.x - 3.5)) \(Self.short(at.y - 3.5))l7 7m0 -7l-7 7"
            return .element("path", ["class": style, "d": d], Self.title(title))
        }
    }

    /// A box around ranges of both axes.
    func box(_ style: String, _ x: ClosedRange<Double>, _ y: ClosedRange<Double>) -> Markup? {
        guard let low = place(x.lowerBound, y.lowerBound), let high = place(x.upperBound, y.upperBound) else {
            return nil
        }
        return .element(
            "rect",
            [
                "class": style, "x": Self.short(low.x), "y": Self.short(high.y),
                "width": Self.short(max(0, high.x - low.x)), "height": Self.short(max(0, low.y - high.y)),
            ])
    }

    /// A line from top to bottom.
    func upright(_ style: String, _ x: Double) -> Markup? {
        self.x.pixel(x).map { Self.line(style, ($0, Self.top), ($0, height - Self.bottom)) }
    }

    /// Text at the top of the plot.
    func heading(_ text: String, over x: Double) -> Markup? {
        self.x.pixel(x).map { Self.label(text, at: ($0, Self.top + 10), anchor: "middle") }
    }

    private func clipped(_ pixel: Double) -> Double { max(Self.top - 2, min(pixel, height - Self.bottom)) }

    static func title(_ text: String) -> [Markup] { [.element("title", [:], [Markup(text)])] }

    private static func line(_ style: String, _ a: (Double, Double), _ b: (Double, Double)) -> Markup {
        .element(
            "line", ["class": style, "x1": short(a.0), "y1": short(a.1), "x2": short(b.0), "y2": short(b.1)])
    }

    private static func label(_ text: String, at place: (Double, Double), anchor: String) -> Markup {
        .element(
            "text", ["class": "label", "x": short(place.0), "y": short(place.1), "text-anchor": anchor],
            [Markup(text)])
    }

    /// Pixels to a tenth.
    static func short(_ pixel: Double) -> String {
        let tenth = (pixel * 10).rounded() / 10
        return tenth == tenth.rounded() ? "\(Int(tenth))" : "\(tenth)"
    }
}
