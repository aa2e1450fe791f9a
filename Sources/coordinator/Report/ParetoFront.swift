import FleetModel
import Search
import StudyCore

/// Finished trials by several objectives: which of them none of the others beats, and how much they dominate
/// together. Values in, values out; `ParetoPlot` draws it.
struct ParetoFront: Encodable {
    struct Point: Encodable {
        let trial: String
        let params: Assignment
        /// In the users' numbers, one for each objective.
        let values: [Double]
        /// How far it breaks the study's constraints (`Observation.violation`); one that does is on no front.
        let violation: Double
        fileprivate(set) var isOnFront = false

        init(_ trial: String, _ params: Assignment, _ values: [Double], violation: Double = 0) {
            self.trial = trial
            self.params = params
            self.values = values
            self.violation = violation
        }

        /// `on the front`, `dominated` or `breaks a constraint`.
        var standing: String {
            isOnFront ? "on the front" : violation > 0 ? "breaks a constraint" : "dominated"
        }
    }

    let objectives: [Objective]
    /// Those on the front first, each part by the first objective and then the next, the best first.
    let points: [Point]
    /// Where the hypervolume ends, in the users' numbers: in each objective the worst of all trials that keep the
    /// constraints, and beyond it a tenth of the way from the best to the worst (a tenth of the value where all
    /// are equal), so that the ends of the front count too. It moves with the trials, so volumes of two reports
    /// compare only where it is the same. Empty before any trial keeps the constraints.
    let reference: [Double]
    /// What the front dominates up to the reference, in the product of the objectives' units; nil before any
    /// trial keeps the constraints.
    let hypervolume: Double?

    /// - Parameters:
    ///   - objectives: two or more.
    ///   - points: with a finite value for each objective; others are left out.
    init(of points: [Point], by objectives: [Objective]) {
        precondition(objectives.count >= 2, "a front is of two objectives or more")
        self.objectives = objectives
        let sound = points.compactMap { point -> (Point, [Loss])? in
            let losses = zip(point.values, objectives).compactMap { Loss($0, $1.direction) }
            return point.values.count == losses.count && losses.count == objectives.count
                ? (point, losses) : nil
        }
        let feasible = sound.filter { $0.0.violation == 0 }
        let front = Set(Pareto.fronts(of: feasible.map(\.1)).first ?? [])
        let judged = feasible.enumerated().map { index, entry in
            var point = entry.0
            point.isOnFront = front.contains(index)
            return (point, entry.1)
        }
        let all = judged + sound.filter { $0.0.violation > 0 }
        self.points = all.sorted { a, b in
            let (mine, other) = ((a.0.rank, a.0.violation), (b.0.rank, b.0.violation))
            return mine == other ? a.1.lexicographicallyPrecedes(b.1) : mine < other
        }.map(\.0)
        guard !feasible.isEmpty else {
            (reference, hypervolume) = ([], nil)
            return
        }
        let corner = Self.corner(beyond: feasible.map(\.1))
        reference = zip(corner, objectives).map { $0.metric($1.direction) }
        hypervolume = Pareto.hypervolume(of: feasible.map(\.1), below: corner)
    }

    private static func corner(beyond points: [[Loss]]) -> [Loss] {
        points[0].indices.map { index in
            let values = points.map { $0[index].value }
            let (best, worst) = (values.min() ?? 0, values.max() ?? 0)
            let extent = worst / 2 - best / 2
            let margin = extent > 0 ? 0.2 * extent : worst == 0 ? 1 : 0.1 * abs(worst)
            return Loss(worst + margin, .minimize) ?? points[0][index]
        }
    }

    /// A row for each trial under a row of names.
    var table: [[String]] {
        let names = Set(points.flatMap { $0.params.keys }).sorted()
        return [["trial"] + objectives.map(\.axis) + ["standing"] + names]
            + points.map { point in
                [point.trial] + point.values.map { Text.number($0, digits: 5) } + [point.standing]
                    + names.map { point.params[$0].map(Text.value) ?? "" }
            }
    }

    /// `hypervolume 12.3 up to validation_loss 3.1, inference_ms 22`
    var volumeWords: String? {
        hypervolume.map { volume in
            let corner = zip(objectives, reference).map { "\($0.metric) \(Text.number($1))" }
            return "hypervolume \(Text.number(volume)) up to " + corner.joined(separator: ", ")
        }
    }
}

extension ParetoFront.Point {
    fileprivate var rank: Int { isOnFront ? 0 : violation > 0 ? 2 : 1 }
}

extension Objective {
    /// The metric with its unit, where that is known: `inference_ms (ms)`.
    var axis: String {
        let unit = StandardMetric(rawValue: metric)?.unit
        return metric + (unit.map { " (\($0))" } ?? "")
    }
}
