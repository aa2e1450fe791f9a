import FleetModel
import FoundationEssentials
import TrainerKit

/// Where a program's metrics are found: `metrics`, one mapping or a list of them.
struct MetricsSettings: Sendable {
    private let sources: [MetricsSource]

    init(_ settings: inout SettingsReader) {
        guard let json = settings.value("metrics") else {
            sources = [MetricsSource()]
            return
        }
        guard case .array(let items) = json else {
            sources = settings.nested("metrics") { [MetricsSource(&$0)] } ?? []
            return
        }
        if items.isEmpty {
            settings.complain(at: ["metrics"], found: "an empty list", expected: "where metrics are found")
        }
        // Each item is read as a mapping of its own, at its place in the list.
        var list = SettingsReader(
            .object(Dictionary(uniqueKeysWithValues: items.enumerated().map { ("\($0)", $1) })),
            at: settings.place + ["metrics"], baseFolder: settings.baseFolder)
        sources = items.indices.compactMap { list.nested("\($0)", MetricsSource.init) }
        settings.take(list.finish())
    }

    /// The names in the paths, with their places.
    var templates: [(template: Template, path: [String])] {
        sources.compactMap { source in source.place.map { ($0, ["metrics"]) } }
    }

    /// The names of all metrics that can be found; nil where one source takes whatever a program writes.
    var metricNames: [String]? {
        let all = sources.map(\.metricNames)
        return all.contains(nil) ? nil : all.flatMap { $0 ?? [] }
    }

    func files(_ names: RunNames, from base: String) -> [MetricsFile] {
        sources.compactMap { $0.file(names, from: base) }
    }

    func reader(_ names: RunNames, from base: String) -> CommandReader {
        CommandReader(sources: sources.map { ($0, $0.file(names, from: base)?.path) })
    }
}

/// Reads what a program prints and writes. Metrics without a step belong to the step before them.
struct CommandReader: LineReader {
    /// Each with the file that it reads; nil: the program's two outputs.
    let sources: [(source: MetricsSource, file: String?)]
    private var step: Int?

    init(sources: [(source: MetricsSource, file: String?)]) {
        self.sources = sources
    }

    mutating func signals(in line: String, from stream: OutputStream) -> [Signal] {
        var signals: [Signal] = []
        for (source, file) in sources where Self.isRead(file, from: stream, source) {
            for found in source.findings(in: Self.plain(line)) {
                step = found.step ?? step
                guard let step, !found.metrics.isEmpty else { continue }
                signals.append(.report(step: step, metrics: found.metrics))
            }
        }
        return signals
    }

    private static func isRead(_ file: String?, from stream: OutputStream, _ source: MetricsSource) -> Bool {
        switch stream {
        case .file(let path): path == file
        case .standardOutput: file == nil
        case .standardError: file == nil && source.readsErrors
        }
    }

    /// Without the colours that programs print for terminals (ECMA-48 control sequences).
    private static func plain(_ line: String) -> String {
        guard line.utf8.contains(0x1b) else { return line }
        return line.replacing(#/\u{1b}\[[0-9;?]*[A-Za-z]/#, with: "")
    }
}

/// What was found in a line.
struct Finding {
    let step: Int?
    let metrics: [String: Double]
}

/// One place where metrics are found, and their form.
struct MetricsSource: Sendable {
    private enum Form {
        case json(stepKey: String)
        case patterns([Pattern])
    }

    private let form: Form
    private let fileForm: MetricsFile.Form
    /// The file or folder; nil: the program's outputs.
    let place: Template?
    /// Their own names to ours.
    private let names: [String: String]

    /// JSON lines with the key `step` on stdout.
    init() {
        form = .json(stepKey: "step")
        fileForm = .lines
        place = nil
        names = [:]
    }

    init(_ settings: inout SettingsReader) {
        let kinds: [(String, MetricsFile.Form)] = [
            ("file", .lines), ("csv", .csv), ("tensorboard", .tensorBoard),
        ]
        let given = kinds.filter { settings.has($0.0) }
        fileForm = given.first?.1 ?? .lines
        place = given.first.map { name, _ in Template(settings.string(name), at: [name], &settings) }
        for extra in given.dropFirst() {
            settings.complain(
                at: [extra.0], found: "\(extra.0) beside \(given[0].0)", expected: "one of the two")
        }
        names = settings.texts("names")
        let stepKey = settings.string("step_key", default: "step")
        for key in ["step_key", "csv", "tensorboard"] where settings.has("regex") && settings.has(key) {
            settings.complain(at: [key], found: "\(key) beside regex", expected: "one of the two")
        }
        let patterns = Pattern.list(&settings)
        form = settings.has("regex") ? .patterns(patterns) : .json(stepKey: stepKey)
    }

    /// What a program says of its metrics in patterns may stand on either output; JSON only on stdout.
    var readsErrors: Bool { if case .patterns = form { true } else { false } }

    /// What its patterns can find, under our names; nil where any name can come.
    var metricNames: [String]? {
        guard case .patterns(let patterns) = form else { return nil }
        return patterns.flatMap(\.metricNames).map { names[$0] ?? $0 }
    }

    func file(_ names: RunNames, from base: String) -> MetricsFile? {
        place?.filled(from: names).map { MetricsFile(absolutePath($0, from: base), fileForm) }
    }

    func findings(in line: String) -> [Finding] {
        let found: [Finding]
        switch form {
        case .json(let stepKey):
            guard line.hasPrefix("{") else { return [] }
            found = Self.finding(inJSON: line, stepKey: fileForm == .tensorBoard ? "step" : stepKey)
        case .patterns(let patterns): found = patterns.compactMap { $0.finding(in: line) }
        }
        guard !names.isEmpty else { return found }
        return found.map { finding in
            let renamed = finding.metrics.map { (names[$0.key] ?? $0.key, $0.value) }
            return Finding(
                step: finding.step, metrics: Dictionary(renamed, uniquingKeysWith: { $1 }))
        }
    }

    private static func finding(inJSON line: String, stepKey: String) -> [Finding] {
        guard var metrics = JSONMetrics.plain(line) ?? JSONMetrics.any(line),
            let step = metrics.removeValue(forKey: stepKey).flatMap({ Int(exactly: $0) })
        else { return [] }
        return [Finding(step: step, metrics: metrics)]
    }
}

/// A regular expression with a group for each metric, and one for the `step` where it stands in the line.
struct Pattern: Sendable {
    /// Longer lines are searched no further: patterns may take time that grows fast with the length.
    private static let longest = 2_000

    // A Regex is not Sendable for what its transforms may capture; one made of a text has none.
    nonisolated(unsafe) private let regex: Regex<AnyRegexOutput>
    /// Its groups but the step.
    let metricNames: [String]

    /// The patterns under `regex`, of which one must say the step.
    static func list(_ settings: inout SettingsReader) -> [Pattern] {
        let texts = settings.strings("regex", default: [])
        let patterns = texts.enumerated().compactMap { Pattern($1, at: ["regex", "\($0)"], &settings) }
        if !patterns.isEmpty, !patterns.contains(where: { $0.regex.contains(captureNamed: "step") }) {
            settings.complain(
                at: ["regex", "0"], found: "\"\(texts[0])\" without a step",
                expected: "a group (?<step>\\d+) in one of the expressions, and one for each metric")
        }
        return patterns
    }

    private init?(_ text: String, at path: [String], _ settings: inout SettingsReader) {
        do {
            regex = try Regex(text)
            metricNames = text.matches(of: #/\(\?P?<([A-Za-z_]\w*)>/#).map { String($0.1) }
                .filter { $0 != "step" }
        } catch {
            settings.complain(at: path, found: "\"\(text)\": \(error)", expected: "a regular expression")
            return nil
        }
    }

    func finding(in line: String) -> Finding? {
        guard let match = line.prefix(Self.longest).firstMatch(of: regex) else { return nil }
        var step: Int?
        var metrics: [String: Double] = [:]
        for group in match.output {
            guard let name = group.name, let text = group.substring?.filter({ $0 != "," }) else { continue }
            if name == "step" { step = Int(text) } else { metrics[name] = Double(text) }
        }
        return Finding(step: step, metrics: metrics)
    }
}
