import FoundationEssentials
import TrainerKit

/// A text with `{name}` in it; `{{` and `}}` stand for braces.
struct Template: Hashable {
    private enum Piece: Hashable {
        case text(String)
        case name(String)
    }

    private var pieces: [Piece] = []
    /// As it was written.
    let text: String

    /// Complains at `path` of a brace that belongs to no name.
    init(_ text: String, at path: [String], _ settings: inout SettingsReader) {
        self.text = text
        var rest = text[...]
        while let brace = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) {
            pieces.append(.text(String(rest[..<brace])))
            rest = rest[brace...]
            if rest.hasPrefix("{{") || rest.hasPrefix("}}") {
                pieces.append(.text(String(rest.removeFirst())))
                rest = rest.dropFirst()
            } else if let name = Self.name(at: rest) {
                pieces.append(.name(name))
                rest = rest.dropFirst(name.count + 2)
            } else {
                settings.complain(
                    at: path, found: "\"\(text)\"", expected: "{name}, or {{ and }} for braces themselves")
                return
            }
        }
        pieces.append(.text(String(rest)))
    }

    /// The name in the braces that `text` starts with.
    private static func name(at text: Substring) -> String? {
        guard text.first == "{", let end = text.firstIndex(of: "}") else { return nil }
        let name = text[text.index(after: text.startIndex)..<end]
        let isName = !name.isEmpty && name.allSatisfy { $0.isLetter || $0.isNumber || "_-.".contains($0) }
        return isName ? String(name) : nil
    }

    var names: [String] {
        pieces.compactMap { if case .name(let name) = $0 { name } else { nil } }
    }

    /// nil when a name has no value.
    func filled(from names: RunNames) -> String? {
        var text = ""
        for piece in pieces {
            switch piece {
            case .text(let part): text += part
            case .name(let name):
                guard let value = names[name] else { return nil }
                text += value
            }
        }
        return text
    }
}

extension Template {
    /// A mapping of names to templates.
    static func mapping(_ name: String, _ settings: inout SettingsReader) -> [String: Template] {
        var templates: [String: Template] = [:]
        for (key, text) in settings.texts(name) {
            templates[key] = Template(text, at: [name, key], &settings)
        }
        return templates
    }
}
