import FleetModel
import FoundationEssentials
import TrainerKit

/// An item of `argv`: one argument, or a group that is left out whole when a name in it has no value.
struct Argument {
    /// One argument and its place in the settings.
    struct Part {
        let template: Template
        let path: [String]
    }

    let parts: [Part]
    private let isGroup: Bool

    static func list(_ name: String, _ settings: inout SettingsReader) -> [Argument] {
        let value = settings.value(name)
        guard case .array(let items) = value, !items.isEmpty else {
            settings.complain(
                at: [name], found: value?.kind ?? "nothing", expected: "a list: the program and its arguments"
            )
            return []
        }
        return items.enumerated().map { Argument($1, at: [name, "\($0)"], &settings) }
    }

    private init(_ item: JSON, at path: [String], _ settings: inout SettingsReader) {
        if case .array(let items) = item, path != ["argv", "0"] {
            isGroup = true
            parts = items.enumerated().compactMap { Self.part($1, at: path + ["\($0)"], &settings) }
        } else {
            isGroup = false
            parts = Self.part(item, at: path, &settings).map { [$0] } ?? []
        }
    }

    private static func part(_ item: JSON, at path: [String], _ settings: inout SettingsReader) -> Part? {
        guard let text = item.scalarText else {
            settings.complain(at: path, found: item.kind, expected: "a text or a number")
            return nil
        }
        let expanded = text.hasPrefix("~/") ? absolutePath(text, from: "/") : text
        return Part(template: Template(expanded, at: path, &settings), path: path)
    }

    /// The arguments of this item in a run; none for a group of which a name has no value.
    func filled(from names: RunNames) throws(Refusal) -> [String] {
        let texts = parts.map { $0.template.filled(from: names) }
        if isGroup, texts.contains(nil) { return [] }
        return try zip(texts, parts).map { text, part throws(Refusal) in
            if let text { return text }
            throw Refusal(
                "found \(part.template.names.filter { names[$0] == nil }.map { "{\($0)}" }.joined(separator: ", ")) "
                    + "without a value in this trial at trainer.settings.\(part.path.joined(separator: ".")); "
                    + "expected a value, or the argument in a list of its own, which is then left out")
        }
    }
}
