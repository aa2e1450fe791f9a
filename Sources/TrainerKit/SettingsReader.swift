public import FleetModel
import FoundationEssentials
import Glibc

/// Reads `trainer.settings` value by value. What is wrong is collected with its place and a usable default
/// is answered, so that one pass finds every fault; `finish` adds the keys that nobody asked for.
public struct SettingsReader: Sendable {
    private let members: [String: JSON]
    /// Where the settings stand.
    public let place: [String]
    /// Absolute folder that relative paths start from.
    public let baseFolder: String
    private var asked: Set<String> = []
    private var problems: [Problem] = []

    /// `place` is where `settings` stands, for the problems' paths.
    public init(_ settings: JSON, at place: [String] = [], baseFolder: String) {
        self.place = place
        self.baseFolder = baseFolder
        switch settings {
        case .object(let members): self.members = members
        case .null: members = [:]
        default:
            members = [:]
            problems = [Problem(at: place, found: settings.kind, expected: "a mapping of settings")]
        }
    }

    /// All problems, sorted by path; call it after the last read.
    public consuming func finish() -> [Problem] {
        for name in members.keys where !asked.contains(name) {
            let known = asked.sorted()
            problems.append(
                Problem(
                    at: place + [name], found: name,
                    expected: known.isEmpty ? "no settings" : "one of \(known.joined(separator: ", "))",
                    nearest: nearestName(to: name, among: known), isAboutKey: true))
        }
        return problems.sortedByPath()
    }

    /// The value as it stands; nil where the key is absent or empty.
    public mutating func value(_ name: String) -> JSON? {
        asked.insert(name)
        guard let value = members[name], value != .null else { return nil }
        return value
    }

    /// Lets every key pass, known or not: for a mapping whose kind is wrong, so that one mistake is one
    /// problem.
    public mutating func ignoreRest() {
        asked.formUnion(members.keys)
    }

    /// Whether the key is there.
    public func has(_ name: String) -> Bool { members[name] != nil }

    /// Adds what another reader found, for settings that were read as a mapping of their own.
    public mutating func take(_ found: [Problem]) {
        problems += found
    }

    /// Adds a problem that the trainer found itself, at a key and positions below it.
    public mutating func complain(
        at path: [String], found: String, expected: String, nearest: String? = nil
    ) {
        problems.append(Problem(at: place + path, found: found, expected: expected, nearest: nearest))
    }

    /// Reads by `convert`, which answers nil for a value of a wrong kind or out of range.
    private mutating func read<Value>(
        _ name: String, expected: String, required: Bool, _ convert: (JSON) -> Value?
    ) -> Value? {
        guard let json = value(name) else {
            if required { complain(at: [name], found: "nothing", expected: expected) }
            return nil
        }
        if let value = convert(json) { return value }
        complain(at: [name], found: json.shown, expected: expected)
        return nil
    }
}

extension SettingsReader {
    /// A whole number; without a default it must be there.
    public mutating func int(
        _ name: String, default value: Int? = nil, in range: some RangeExpression<Int> = Int.min...
    ) -> Int {
        let expected = "a whole number" + inWords(range)
        return read(name, expected: expected, required: value == nil) { json in
            guard case .int(let int) = json, range.contains(int) else { return nil }
            return int
        } ?? value ?? 0
    }

    /// A whole number, or nil where the key is absent.
    public mutating func optionalInt(
        _ name: String, in range: some RangeExpression<Int> = Int.min...
    ) -> Int? {
        guard value(name) != nil else { return nil }
        return int(name, default: 0, in: range)
    }

    /// A finite number; without a default it must be there.
    public mutating func double(
        _ name: String, default value: Double? = nil,
        in range: some RangeExpression<Double> = (-Double.infinity)...
    ) -> Double {
        let expected = "a number" + inWords(range)
        return read(name, expected: expected, required: value == nil) { json in
            guard let number = json.number, number.isFinite, range.contains(number) else { return nil }
            return number
        } ?? value ?? 0
    }

    /// A text; without a default it must be there.
    public mutating func string(_ name: String, default value: String? = nil) -> String {
        read(name, expected: "a text", required: value == nil) { $0.text } ?? value ?? ""
    }

    /// One of `names`.
    public mutating func choice(_ name: String, among names: [String], default value: String? = nil) -> String
    {
        let text = read(
            name, expected: "one of \(names.joined(separator: ", "))", required: value == nil, \.text)
        guard let text, !names.contains(text) else { return text ?? value ?? names.first ?? "" }
        complain(
            at: [name], found: "\"\(text)\"", expected: "one of \(names.joined(separator: ", "))",
            nearest: nearestName(to: text, among: names))
        return value ?? names.first ?? ""
    }

    /// `true` or `false`; without a default it must be there.
    public mutating func bool(_ name: String, default value: Bool? = nil) -> Bool {
        read(name, expected: "true or false", required: value == nil) { json in
            guard case .bool(let bool) = json else { return nil }
            return bool
        } ?? value ?? false
    }

    /// Texts. A single text counts as a list of one.
    public mutating func strings(_ name: String, default value: [String]? = nil) -> [String] {
        read(name, expected: "a list of texts", required: value == nil, \.texts) ?? value ?? []
    }

    /// Finite numbers.
    public mutating func doubles(_ name: String, default value: [Double]? = nil) -> [Double] {
        read(name, expected: "a list of numbers", required: value == nil) { $0.list(\.number) } ?? value ?? []
    }

    /// Whole numbers.
    public mutating func ints(_ name: String, default value: [Int]? = nil) -> [Int] {
        read(name, expected: "a list of whole numbers", required: value == nil) { json in
            json.list { item in if case .int(let int) = item { int } else { nil } }
        } ?? value ?? []
    }

    /// A mapping of names to scalars, each as text: `{ OMP_NUM_THREADS: 4 }`.
    public mutating func texts(_ name: String) -> [String: String] {
        read(name, expected: "a mapping of names to texts or numbers", required: false) { json in
            guard case .object(let members) = json else { return nil }
            let texts = members.compactMapValues(\.scalarText)
            return texts.count == members.count ? texts : nil
        } ?? [:]
    }

    /// The mapping under a key, read by `body` with the same rules; nil where the key is absent.
    public mutating func nested<Value>(_ name: String, _ body: (inout SettingsReader) -> Value) -> Value? {
        guard let json = value(name) else { return nil }
        var reader = SettingsReader(json, at: place + [name], baseFolder: baseFolder)
        let value = body(&reader)
        problems += reader.finish()
        return value
    }
}

extension SettingsReader {
    /// What must stand at a path.
    public enum PathKind: String, Sendable {
        case file = "a file that exists"
        case folder = "a folder that exists"
        /// A file or a folder.
        case any = "a path that exists"
        /// The path may name something that is not there yet.
        case unchecked = "a path"
    }

    /// An absolute path: `~` is the user's home, a relative one starts at the study file's folder.
    public mutating func path(_ name: String, _ kind: PathKind = .any, default value: String? = nil) -> String
    {
        guard let text = read(name, expected: kind.rawValue, required: value == nil, \.text) ?? value else {
            return baseFolder
        }
        return check(text, kind, at: [name])
    }

    /// An absolute path, or nil where the key is absent.
    public mutating func optionalPath(_ name: String, _ kind: PathKind = .any) -> String? {
        guard value(name) != nil else { return nil }
        return path(name, kind)
    }

    /// Absolute paths; a single one counts as a list of one.
    public mutating func paths(_ name: String, _ kind: PathKind = .any, default value: [String]? = nil)
        -> [String]
    {
        strings(name, default: value).enumerated().map { check($1, kind, at: [name, "\($0)"]) }
    }

    private mutating func check(_ text: String, _ kind: PathKind, at path: [String]) -> String {
        let resolved = absolutePath(text, from: baseFolder)
        var status = stat()
        let exists = stat(resolved, &status) == 0
        let isFolder = exists && status.st_mode & S_IFMT == S_IFDIR
        let isRight =
            switch kind {
            case .file: exists && !isFolder
            case .folder: isFolder
            case .any: exists
            case .unchecked: true
            }
        if !isRight {
            let found =
                exists
                ? "\(resolved), which is \(isFolder ? "a folder" : "a file")" : "nothing at \(resolved)"
            complain(at: path, found: found, expected: kind.rawValue)
        }
        return resolved
    }
}

extension [Problem] {
    func sortedByPath() -> [Problem] {
        sorted { $0.path == $1.path ? $0.found < $1.found : $0.path.lexicographicallyPrecedes($1.path) }
    }
}

/// `~` and `~/x` are below the user's home; a relative path starts at `base`.
public func absolutePath(_ text: String, from base: String) -> String {
    if text == "~" || text.hasPrefix("~/") {
        return (ProcessInfo.processInfo.environment["HOME"] ?? "/") + text.dropFirst()
    }
    return text.hasPrefix("/") ? text : base + "/" + text
}

/// ` of at least 1`, ` from 0 to 1`; empty where everything is allowed.
private func inWords<Bound>(_ range: some RangeExpression<Bound>) -> String {
    switch range {
    case let range as PartialRangeFrom<Int>:
        range.lowerBound == .min ? "" : " of at least \(range.lowerBound)"
    case let range as PartialRangeFrom<Double>:
        range.lowerBound == -.infinity ? "" : " of at least \(range.lowerBound)"
    case let range as ClosedRange<Bound>: " from \(range.lowerBound) to \(range.upperBound)"
    case let range as Range<Bound>: " from \(range.lowerBound) to below \(range.upperBound)"
    case let range as PartialRangeThrough<Bound>: " of at most \(range.upperBound)"
    case let range as PartialRangeUpTo<Bound>: " below \(range.upperBound)"
    default: ""
    }
}

extension JSON {
    /// The value as a message shows it: scalars themselves, the rest by kind.
    var shown: String {
        switch self {
        case .string(let text): text.count <= 60 ? "\"\(text)\"" : "\"\(text.prefix(60))…\""
        case .null, .array, .object: kind
        default: scalarText ?? kind
        }
    }

    var number: Double? {
        switch self {
        case .int(let int): Double(int)
        case .double(let double): double
        default: nil
        }
    }

    var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// A scalar as a program's argument; nil for nothing, a list or a mapping.
    public var scalarText: String? {
        switch self {
        case .bool(let bool): "\(bool)"
        case .int(let int): "\(int)"
        case .double(let double): "\(double)"
        case .string(let text): text
        case .null, .array, .object: nil
        }
    }

    var texts: [String]? { text.map { [$0] } ?? list(\.scalarText) }

    /// The items of a list; nil where this is no list or `convert` refuses one.
    func list<Item>(_ convert: (JSON) -> Item?) -> [Item]? {
        guard case .array(let items) = self else { return nil }
        let converted = items.compactMap(convert)
        return converted.count == items.count ? converted : nil
    }
}
