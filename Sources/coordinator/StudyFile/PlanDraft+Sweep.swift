import FleetModel
import Search
import StudyCore
import TrainerKit

/// `method: { kind: sweep }`: a list, as the product or the rows of the space's lists or point by point.
extension PlanDraft {
    /// More would be a mistake in the file rather than a wish.
    private static let mostPoints = 100_000

    static func sweep(
        _ method: inout SettingsReader, in space: Space?, _ direction: Direction
    ) -> SweepMethod? {
        let steps = method.int("steps", in: 1...)
        let combine = method.choice("combine", among: ["product", "zip"], default: "product")
        let listed = listedPoints(&method, in: space)
        guard let space else {
            _ = method.value("done")
            return nil
        }
        let points = listed ?? (combine == "zip" ? rows(of: space, &method) : product(of: space, &method))
        guard let points else {
            _ = method.value("done")
            return nil
        }
        let done = donePoints(&method, among: points, space, direction)
        return SweepMethod(points: points, done: done, steps: steps)
    }

    /// `points: [{ lr: 1e-3 }, …]`; nil where the file has none.
    private static func listedPoints(_ method: inout SettingsReader, in space: Space?) -> [Assignment]? {
        guard method.has("points") else { return nil }
        guard case .array(let items)? = method.value("points"), !items.isEmpty else {
            method.complain(
                at: ["points"], found: "no list, or an empty one", expected: "a list of { parameter: value }")
            return nil
        }
        var points: [Assignment] = []
        for (index, item) in items.enumerated() {
            guard let point = assignment(item) else {
                method.complain(
                    at: ["points", "\(index)"], found: item.kind,
                    expected: "a mapping of parameters to values")
                continue
            }
            if let problem = space?.problem(with: point) {
                method.complain(
                    at: ["points", "\(index)"], found: Text.assignment(point), expected: problem)
            } else if points.contains(point) {
                method.complain(
                    at: ["points", "\(index)"], found: "\(Text.assignment(point)) a second time",
                    expected: "each point once; `repeats: 2` runs all of them twice")
            } else {
                points.append(point)
            }
        }
        return points
    }

    /// Every combination of the space's lists that its constraints allow, the last parameter moving fastest.
    private static func product(of space: Space, _ method: inout SettingsReader) -> [Assignment]? {
        guard let lists = lists(of: space, &method) else { return nil }
        let count = lists.reduce(1.0) { $0 * Double($1.choices.count) }
        guard count <= Double(mostPoints) else {
            method.complain(
                at: [], found: "\(Text.number(count)) combinations of the lists",
                expected: "at most \(mostPoints): shorten them, or search instead of sweeping")
            return nil
        }
        var points: [Assignment] = [[:]]
        for (parameter, choices) in lists {
            points = points.flatMap { point in
                parameter.isActive(in: point)
                    ? choices.map { point.merging([parameter.name: $0]) { $1 } } : [point]
            }
        }
        return allowed(points, in: space, &method)
    }

    /// The first value of each list, the second of each, and so on.
    private static func rows(of space: Space, _ method: inout SettingsReader) -> [Assignment]? {
        guard let lists = lists(of: space, &method) else { return nil }
        let lengths = Set(lists.map(\.choices.count))
        guard lengths.count == 1, let length = lengths.first else {
            let found = lists.map { "\($0.parameter.name) has \($0.choices.count)" }
            method.complain(
                at: ["combine"], found: "lists of different lengths: \(found.joined(separator: ", "))",
                expected: "as many values in each, or combine: product")
            return nil
        }
        let points = (0..<length).map { row in
            Dictionary(uniqueKeysWithValues: lists.map { ($0.parameter.name, $0.choices[row]) })
        }
        return allowed(points, in: space, &method)
    }

    private static func allowed(
        _ points: [Assignment], in space: Space, _ method: inout SettingsReader
    ) -> [Assignment]? {
        let allowed = points.filter { space.problem(with: $0) == nil }
        guard allowed.isEmpty else { return allowed }
        method.complain(
            at: [], found: "no combination that the constraints allow",
            expected: "at least one; the first is \(points.first.map(Text.assignment) ?? "missing")")
        return nil
    }

    private static func lists(
        of space: Space, _ method: inout SettingsReader
    ) -> [(parameter: Parameter, choices: [ParameterValue])]? {
        var lists: [(parameter: Parameter, choices: [ParameterValue])] = []
        for parameter in space.parameters {
            guard case .categorical(let choices) = parameter.domain else {
                method.complain(
                    at: ["kind"], found: "sweep, and \(parameter.name) with a range",
                    expected: "a list of values, as \(parameter.name): [1e-4, 2e-4], or `points`")
                return nil
            }
            lists.append((parameter, choices))
        }
        return lists
    }

    /// `done: [{ lr: 6e-4, result: 2.5 }]`.
    private static func donePoints(
        _ method: inout SettingsReader, among points: [Assignment], _ space: Space, _ direction: Direction
    ) -> [GivenTrial] {
        guard method.has("done") else { return [] }
        guard case .array(let items)? = method.value("done") else {
            method.complain(
                at: ["done"], found: "no list", expected: "a list of { parameter: value, result: … }")
            return []
        }
        return items.enumerated().compactMap { index, item in
            let place = ["done", "\(index)"]
            guard var point = assignment(item),
                let loss = point["result"]?.number.flatMap({ Loss($0, direction) })
            else {
                method.complain(
                    at: place, found: item.kind,
                    expected: "the parameters of a point, and its result as a number")
                return nil
            }
            point["result"] = nil
            guard points.contains(point) else {
                let expected = space.problem(with: point) ?? "one of the \(points.count) points of the list"
                method.complain(at: place, found: Text.assignment(point), expected: expected)
                return nil
            }
            return GivenTrial(point, .given, loss: loss)
        }
    }

    static func assignment(_ json: JSON) -> Assignment? {
        guard case .object(let members) = json else { return nil }
        let values = members.compactMapValues(value)
        return values.count == members.count ? values : nil
    }
}
