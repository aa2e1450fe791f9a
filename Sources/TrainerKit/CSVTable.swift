/// Turns the rows of a CSV file into JSON objects of their numbers.
struct CSVTable {
    private var names: [String] = []

    /// nil for the line of names, and for a row without numbers.
    mutating func object(of line: String) -> String? {
        let cells = Self.cells(of: line)
        if names.isEmpty {
            names = cells
            return nil
        }
        let members = zip(names, cells).compactMap { name, cell -> String? in
            guard !name.isEmpty, let number = Double(cell) else { return nil }
            return jsonMember(name, number)
        }
        return members.isEmpty ? nil : "{" + members.joined(separator: ",") + "}"
    }

    /// RFC 4180, but for line ends within quotes, of which no metrics file has any.
    static func cells(of line: String) -> [String] {
        var cells = [""]
        var isQuoted = false
        var wasQuote = false
        for letter in line {
            switch letter {
            case "\"" where isQuoted:
                isQuoted = false
                wasQuote = true
                continue
            case "\"":
                // Two quotes within quotes are one.
                if wasQuote { cells[cells.count - 1].append("\"") }
                isQuoted = true
            case "," where !isQuoted: cells.append("")
            case " " where !isQuoted && cells.last == "": break
            default: cells[cells.count - 1].append(letter)
            }
            wasQuote = false
        }
        return cells
    }
}

/// `"train/loss":2.5`; a number that JSON cannot write becomes the text that `Reading` reads.
func jsonMember(_ name: String, _ number: Double) -> String {
    let value =
        number.isNaN ? "\"nan\"" : number.isInfinite ? (number > 0 ? "\"inf\"" : "\"-inf\"") : "\(number)"
    let escaped = name.unicodeScalars.map { scalar in
        switch scalar {
        case "\"", "\\": "\\\(scalar)"
        case _ where scalar.value < 0x20: " "
        default: "\(scalar)"
        }
    }.joined()
    return "\"\(escaped)\":\(value)"
}
