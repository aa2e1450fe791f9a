/// Writes JSON in the order in which it is told to, without blanks.
struct JSONWriter {
    private(set) var text = ""
    /// Whether a comma is due before the next item.
    private var isDue = false

    mutating func object(_ body: (inout JSONWriter) -> Void) { nested("{", "}", body) }

    mutating func array(_ body: (inout JSONWriter) -> Void) { nested("[", "]", body) }

    private mutating func nested(_ open: String, _ close: String, _ body: (inout JSONWriter) -> Void) {
        comma()
        text += open
        isDue = false
        body(&self)
        text += close
        isDue = true
    }

    /// What is written next is the value of this key.
    mutating func key(_ name: String) {
        comma()
        quoted(name)
        text += ":"
        isDue = false
    }

    /// - Precondition: finite.
    mutating func write(_ number: Double) { raw("\(number)") }
    mutating func write(_ int: Int) { raw("\(int)") }
    mutating func write(_ bool: Bool) { raw(bool ? "true" : "false") }

    mutating func write(_ string: String) {
        comma()
        quoted(string)
        isDue = true
    }

    /// Text that is JSON already.
    mutating func raw(_ json: some StringProtocol) {
        comma()
        text += json
        isDue = true
    }

    /// What `body` writes, unless the text would have more than so many bytes: then nothing.
    mutating func writeWithin(_ limit: Int, _ body: (inout JSONWriter) -> Void) -> Bool {
        let (length, wasDue) = (text.utf8.count, isDue)
        body(&self)
        guard text.utf8.count > limit else { return true }
        text = String(Substring(text.utf8.prefix(length)))
        isDue = wasDue
        return false
    }

    private mutating func comma() {
        if isDue { text += "," }
    }

    private mutating func quoted(_ string: String) {
        text += "\""
        if string.utf8.allSatisfy({ $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) {
            text += string
        } else {
            for scalar in string.unicodeScalars { escaped(scalar) }
        }
        text += "\""
    }

    private mutating func escaped(_ scalar: UnicodeScalar) {
        switch scalar {
        case "\"": text += "\\\""
        case "\\": text += "\\\\"
        case "\n": text += "\\n"
        case "\r": text += "\\r"
        case "\t": text += "\\t"
        case "\u{0}"..<"\u{20}":
            let digits = String(scalar.value, radix: 16)
            text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: text.unicodeScalars.append(scalar)
        }
    }
}
