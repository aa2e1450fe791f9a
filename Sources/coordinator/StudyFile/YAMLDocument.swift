import FleetModel
import Yams

/// A YAML file as a JSON value, and where each of its keys and values stands.
struct YAMLDocument {
    /// Line and column from 1.
    struct Place: Hashable {
        let line: Int
        let column: Int
    }

    let value: JSON
    private var keys: [[String]: Place] = [:]
    private var values: [[String]: Place] = [:]

    /// What is wrong with a file that is no YAML at all.
    struct Malformed: Error {
        let place: Place
        let problem: String
    }

    init(parsing text: String) throws(Malformed) {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw Malformed(error)
        }
        guard let root else {
            throw Malformed(place: Place(line: 1, column: 1), problem: "the file is empty")
        }
        var places = Places()
        value = try places.read(root, at: [])
        keys = places.keys
        values = places.values
    }

    /// Whether the key at `a` stands before the one at `b`.
    func isBefore(_ a: [String], _ b: [String]) -> Bool {
        guard let a = keys[a], let b = keys[b] else { return false }
        return (a.line, a.column) < (b.line, b.column)
    }

    /// Where a problem is: its key or its value; where neither is in the file (something is missing), the
    /// nearest enclosing one that is.
    func place(of problem: Problem) -> Place {
        var path = problem.path
        if problem.isAboutKey, let place = keys[path] { return place }
        while !path.isEmpty {
            if let place = values[path] { return place }
            path.removeLast()
        }
        return values[[]] ?? Place(line: 1, column: 1)
    }
}

extension YAMLDocument.Malformed {
    fileprivate init(_ error: any Error) {
        let place = YAMLDocument.Place(line: 1, column: 1)
        switch error {
        case YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
            YamlError.composer(_, let problem, let mark, _):
            self.init(place: .init(line: mark.line, column: mark.column), problem: problem)
        case YamlError.duplicatedKeysInMapping(let duplicates, let context):
            self.init(
                place: .init(line: context.mark.line, column: context.mark.column),
                problem: "a key stands twice in this mapping: \(duplicates.sorted().joined(separator: ", "))")
        default:
            self.init(place: place, problem: "\(error)")
        }
    }
}

/// Walks the nodes and notes where they stand.
private struct Places {
    var keys: [[String]: YAMLDocument.Place] = [:]
    var values: [[String]: YAMLDocument.Place] = [:]

    mutating func read(_ node: Node, at path: [String]) throws(YAMLDocument.Malformed) -> JSON {
        values[path] = place(of: node)
        switch node {
        case .scalar(let scalar): return scalar.json
        case .sequence(let nodes):
            var list: [JSON] = []
            for (index, item) in nodes.enumerated() { list.append(try read(item, at: path + ["\(index)"])) }
            return .array(list)
        case .mapping(let pairs):
            var members: [String: JSON] = [:]
            for (key, item) in pairs {
                guard case .scalar(let scalar) = key else {
                    throw YAMLDocument.Malformed(
                        place: place(of: key) ?? .init(line: 1, column: 1), problem: "a key is a plain word")
                }
                keys[path + [scalar.string]] = place(of: key)
                members[scalar.string] = try read(item, at: path + [scalar.string])
            }
            return .object(members)
        case .alias:
            throw YAMLDocument.Malformed(
                place: place(of: node) ?? .init(line: 1, column: 1),
                problem: "aliases are not supported: write the value out")
        }
    }

    private func place(of node: Node) -> YAMLDocument.Place? {
        node.mark.map { .init(line: $0.line, column: $0.column) }
    }
}

extension Node.Scalar {
    /// As YAML 1.2's core schema reads it, so that `1e-4` is a number and `no` is a word.
    fileprivate var json: JSON {
        guard style == .plain || style == .any else { return .string(string) }
        switch string {
        case "", "~", "null": return .null
        case "true": return .bool(true)
        case "false": return .bool(false)
        default: break
        }
        if let int = Int(string) { return .int(int) }
        if let first = string.utf8.first, "+-.0123456789".utf8.contains(first), let double = Double(string),
            double.isFinite
        {
            return .double(double)
        }
        return .string(string)
    }
}
