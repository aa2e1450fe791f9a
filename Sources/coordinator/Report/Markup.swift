/// A piece of HTML or SVG that is right by construction: whatever comes from outside (names, values, reasons)
/// enters through `text` or an attribute and is escaped there.
struct Markup: ExpressibleByStringInterpolation, ExpressibleByArrayLiteral {
    let source: String

    /// Text that a reader sees as it stands, whatever it is.
    init(stringLiteral text: String) {
        source = Self.escaped(text)
    }

    init(_ text: String) {
        source = Self.escaped(text)
    }

    init(arrayLiteral parts: Markup...) {
        self.init(parts)
    }

    init(_ parts: [Markup]) {
        source = parts.map(\.source).joined()
    }

    private init(raw: String) {
        source = raw
    }

    /// `<name attribute="value">children</name>`; names are ours, values are escaped.
    static func element(
        _ name: StaticString, _ attributes: KeyValuePairs<StaticString, String> = [:],
        _ children: [Markup] = []
    ) -> Markup {
        let words = attributes.map { " \($0.key)=\"\(escaped($0.value))\"" }.joined()
        return Markup(raw: "<\(name)\(words)>\(children.map(\.source).joined())</\(name)>\n")
    }

    /// An element without an end, such as `meta`.
    static func void(_ name: StaticString, _ attributes: KeyValuePairs<StaticString, String>) -> Markup {
        Markup(raw: "<\(name)" + attributes.map { " \($0.key)=\"\(escaped($0.value))\"" }.joined() + ">\n")
    }

    /// A style sheet of ours, which nothing from outside can be part of.
    static func style(_ sheet: StaticString) -> Markup {
        Markup(raw: "<style>\n\(sheet)</style>\n")
    }

    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case "\t", "\n": escaped.unicodeScalars.append(character)
            // Control characters may not stand in HTML in any way.
            case _ where character.value < 0x20 || character.value == 0x7F: escaped += "\u{FFFD}"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
