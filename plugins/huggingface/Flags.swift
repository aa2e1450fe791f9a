import FleetModel
import TrainerKit

/// A flag of the script with its value, by its name in TrainingArguments.
struct Flag: Hashable {
    let name: String
    let value: JSON

    init(_ name: String, _ value: JSON) {
        self.name = name
        self.value = value
    }
}

/// How values reach the script.
struct FlagSettings {
    /// The user's own flags.
    let fixed: [String: JSON]
    /// Other names for flags; empty for one that the script does not have.
    private let renamed: [String: String]
    /// Whether TrainingArguments are set inside the script, which takes no flags.
    private let setsArguments: Bool

    /// - Parameter own: flags that the plugin sets itself.
    init(_ settings: inout SettingsReader, own: Set<String>) {
        let args = settings.value("args")
        switch args {
        case .object(let members)?: fixed = members
        case let other:
            fixed = [:]
            guard let other else { break }
            settings.complain(
                at: ["args"], found: other.kind, expected: "a mapping of the script's flags to values")
        }
        renamed = settings.texts("rename")
        setsArguments =
            settings.choice("pass", among: ["flags", "arguments"], default: "flags") == "arguments"
        for name in fixed.keys.sorted() where own.contains(name) {
            settings.complain(
                at: ["args", name], found: name,
                expected: "nothing: huggingface sets \(name) itself, from the trial or its other settings")
        }
        if setsArguments, settings.value("module") == .bool(false) {
            settings.complain(
                at: ["pass"], found: "arguments with module: false", expected: "flags, or module: true")
        }
    }

    /// The end of the command line: the user's flags, then ours.
    func arguments(_ own: [Flag]) -> [String] {
        let users = fixed.sorted { $0.key < $1.key }.map { Flag($0.key, $0.value) }
        return (users + (setsArguments ? [] : own)).flatMap { flag in
            let name = renamed[flag.name] ?? flag.name
            return name.isEmpty ? [] : Self.words(name, flag.value)
        }
    }

    /// What the module sets inside the script.
    func asArguments(_ own: [Flag]) -> [String: JSON] {
        guard setsArguments else { return [:] }
        return Dictionary(
            uniqueKeysWithValues: own.filter { !TrialFlags.notArguments.contains($0.name) }.map {
                ($0.name, $0.value)
            })
    }

    /// `--name value`, one argument each; a value that looks like a flag stays with its name.
    private static func words(_ name: String, _ value: JSON) -> [String] {
        switch value {
        case .null: return []
        case .string(""): return ["--\(name)"]
        default:
            let values = value.words
            if values.count == 1, values[0].hasPrefix("-") { return ["--\(name)=\(values[0])"] }
            return ["--\(name)"] + values
        }
    }
}

extension JSON {
    /// The value as arguments: several for a list, JSON text for a mapping (`lr_scheduler_kwargs`).
    var words: [String] {
        switch self {
        case .array(let items): items.flatMap(\.words)
        case .object(let members):
            [
                "{"
                    + members.sorted { $0.key < $1.key }
                    .map { "\"\($0.key)\": \($0.value.literal)" }.joined(separator: ", ") + "}"
            ]
        default: scalarText.map { [$0] } ?? []
        }
    }

    private var literal: String {
        switch self {
        case .string(let text): "\"\(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
        case .null: "null"
        case .array(let items): "[" + items.map(\.literal).joined(separator: ", ") + "]"
        default: words.joined()
        }
    }

    var number: Double? {
        switch self {
        case .int(let int): Double(int)
        case .double(let double): double
        case .string(let text): Double(text)
        default: nil
        }
    }
}

extension ParameterValue {
    var json: JSON {
        switch self {
        case .float(let value): .double(value)
        case .int(let value): .int(value)
        case .string(let value): .string(value)
        case .bool(let value): .bool(value)
        }
    }
}
