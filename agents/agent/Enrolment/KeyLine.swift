import Glibc
import Spawn
import Wire

/// A line of an `authorized_keys` file (sshd(8)) that lets a key in: options, the key's two words, a comment.
struct KeyLine {
    /// What stands between spaces outside of double quotes.
    private let fields: [String]

    /// nil where the line is empty or a comment.
    init?(_ line: ArraySlice<UInt8>) {
        let text = String(decoding: line, as: UTF8.self)
        fields = Self.cut(text, at: " \t", quotes: "\"").filter { !$0.isEmpty }
        guard let first = fields.first, !first.hasPrefix("#") else { return nil }
    }

    func has(_ key: HostKey) -> Bool { fields.contains(key.key) }

    /// Whether `agent enroll` wrote it.
    var isOurs: Bool { fields.contains("iterhpo") }

    /// The words behind `attach` in the command that the key is bound to, as the user's shell takes it apart; nil
    /// where it is bound to none, or to another one.
    var attaching: [String]? {
        guard
            let option = fields.first.map({ Self.cut($0, at: ",", quotes: "\"") })?
                .first(where: { $0.lowercased().hasPrefix("command=") })
        else { return nil }
        let quoted = option.dropFirst("command=".count)
        guard quoted.count >= 2, quoted.first == "\"", quoted.last == "\"" else { return nil }
        // sshd knows this one escape.
        let command = quoted.dropFirst().dropLast().replacing("\\\"", with: "\"")
        let words = Self.cut(command, at: " \t", quotes: "\"'").map(Self.unquoted).filter { !$0.isEmpty }
        return words.firstIndex(of: "attach").map { Array(words[($0 + 1)...]) }
    }

    /// The home of the agent that the key reaches; nil where the line does not say it.
    var home: String? {
        guard let words = attaching else { return nil }
        let given = words.indices.compactMap { index -> String? in
            if words[index] == "--home" { return words[(index + 1)...].first }
            return words[index].hasPrefix("--home=") ? String(words[index].dropFirst("--home=".count)) : nil
        }
        return given.last.map(absolute)
    }

    /// Cuts at any of some characters, but for those inside of quotes or behind a backslash, which stay.
    private static func cut(_ text: some StringProtocol, at marks: String, quotes: String) -> [String] {
        var pieces = [""]
        var quote: Character?
        var isEscaped = false
        for character in text {
            if quote == nil, !isEscaped, marks.contains(character) {
                pieces.append("")
                continue
            }
            pieces[pieces.count - 1].append(character)
            if isEscaped {
                isEscaped = false
            } else if character == "\\", quote != "'" {
                isEscaped = true
            } else if character == quote {
                quote = nil
            } else if quote == nil, quotes.contains(character) {
                quote = character
            }
        }
        return pieces
    }

    /// A shell's word without what only keeps it together.
    private static func unquoted(_ word: String) -> String {
        var plain = ""
        var quote: Character?
        var isEscaped = false
        for character in word {
            if isEscaped {
                plain.append(character)
                isEscaped = false
            } else if character == "\\", quote != "'" {
                isEscaped = true
            } else if character == quote {
                quote = nil
            } else if quote == nil, "\"'".contains(character) {
                quote = character
            } else {
                plain.append(character)
            }
        }
        return plain
    }
}
