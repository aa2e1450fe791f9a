extension String {
    /// How much of another machine's words is shown. Characters.
    private static let longestShown = 400

    /// What another machine said, as one line for a terminal, a table or a log: its lines with `; ` between them,
    /// control characters as `\u{1b}`, the middle of a long text as `…`: how it begins and how it ends says most.
    public var printable: String {
        let lines = split(whereSeparator: \.isNewline).map(\.escaped).filter { !$0.isEmpty }
        let line = lines.joined(separator: "; ")
        guard line.count > Self.longestShown else { return line }
        return line.prefix(Self.longestShown / 2) + " … " + line.suffix(Self.longestShown / 2)
    }
}

extension Substring {
    /// Without white space around it, and with escapes in place of what a terminal would obey.
    fileprivate var escaped: String {
        let end = lastIndex { !$0.isWhitespace }.map { index(after: $0) } ?? startIndex
        return self[..<end].drop(while: \.isWhitespace).unicodeScalars.map { scalar in
            switch scalar.properties.generalCategory {
            // Formats turn the direction of what follows, among other things.
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
                "\\u{\(String(scalar.value, radix: 16))}"
            default: String(scalar)
            }
        }.joined()
    }
}
