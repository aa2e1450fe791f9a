import FoundationEssentials
import TrainerKit

/// How the program's lines become reports.
struct MetricsReader: Sendable {
    private enum Form {
        case json(stepKey: String)
        case patterns([Pattern])
    }

    private let form: Form

    /// JSON lines with the key `step`.
    init() {
        form = .json(stepKey: "step")
    }

    init(_ settings: inout SettingsReader) {
        let stepKey = settings.string("step_key", default: "step")
        let texts = settings.strings("regex", default: [])
        let patterns = texts.enumerated().compactMap { Pattern($1, at: ["regex", "\($0)"], &settings) }
        if settings.has("regex"), settings.has("step_key") {
            settings.complain(at: ["step_key"], found: "step_key beside regex", expected: "one of the two")
        }
        form = settings.has("regex") ? .patterns(patterns) : .json(stepKey: stepKey)
    }

    func signals(in line: String, from stream: OutputStream) -> [Signal] {
        switch form {
        case .json(let stepKey):
            guard stream == .standardOutput, line.hasPrefix("{") else { return [] }
            return Self.report(inJSON: line, stepKey: stepKey).map { [$0] } ?? []
        case .patterns(let patterns):
            return patterns.compactMap { $0.report(in: line) }
        }
    }

    /// Python writes NaN and Infinity bare, as JSON5 does; others write them as texts.
    private static func report(inJSON line: String, stepKey: String) -> Signal? {
        let decoder = JSONDecoder()
        decoder.allowsJSON5 = true
        guard let object = try? decoder.decode([String: Measured].self, from: Data(line.utf8)),
            let step = object[stepKey]?.number.flatMap({ Int(exactly: $0) })
        else { return nil }
        var metrics: [String: Double] = [:]
        for (name, value) in object where name != stepKey { metrics[name] = value.number }
        return metrics.isEmpty ? nil : .report(step: step, metrics: metrics)
    }
}

/// A regular expression with a group `step` and one for each metric.
struct Pattern: Sendable {
    /// Longer lines are searched no further: patterns may take time that grows fast with the length.
    private static let longest = 2_000

    // A Regex is not Sendable for what its transforms may capture; one made of a text has none.
    nonisolated(unsafe) private let regex: Regex<AnyRegexOutput>

    init?(_ text: String, at path: [String], _ settings: inout SettingsReader) {
        do {
            regex = try Regex(text)
        } catch {
            settings.complain(at: path, found: "\"\(text)\": \(error)", expected: "a regular expression")
            return nil
        }
        guard regex.contains(captureNamed: "step") else {
            settings.complain(
                at: path, found: "\"\(text)\" without a step",
                expected: "a group (?<step>\\d+), and one for each metric")
            return nil
        }
    }

    func report(in line: String) -> Signal? {
        guard let match = line.prefix(Self.longest).firstMatch(of: regex) else { return nil }
        var step: Int?
        var metrics: [String: Double] = [:]
        for group in match.output {
            guard let name = group.name, let text = group.substring else { continue }
            if name == "step" { step = Int(text) } else { metrics[name] = Double(text) }
        }
        guard let step, !metrics.isEmpty else { return nil }
        return .report(step: step, metrics: metrics)
    }
}

/// A value of a JSON object, as far as it is a number.
private struct Measured: Decodable {
    /// Texts count only where they say that they are none: `"nan"`.
    let number: Double?

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let number = try? value.decode(Double.self) {
            self.number = number
        } else {
            let text = try? value.decode(String.self)
            number = text.flatMap { Double($0) }.flatMap { $0.isFinite ? nil : $0 }
        }
    }
}
