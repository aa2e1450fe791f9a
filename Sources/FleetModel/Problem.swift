/// What is wrong with one value of a study file or a plugin's settings, in the words that the user needs.
public struct Problem: Error, Hashable, Codable, Sendable {
    /// Keys and list positions from the root of what was checked: `["data", "0"]`.
    public let path: [String]
    /// What stands there: `"fast"`, `a list`.
    public let found: String
    /// What may stand there: `a whole number of at least 1`.
    public let expected: String
    /// The nearest valid name, where a name was wrong.
    public let nearest: String?
    /// Whether the complaint is about the key at the end of `path` and not about its value.
    public let isAboutKey: Bool

    public init(
        at path: [String], found: String, expected: String, nearest: String? = nil, isAboutKey: Bool = false
    ) {
        self.path = path
        self.found = found
        self.expected = expected
        self.nearest = nearest
        self.isAboutKey = isAboutKey
    }

    /// The same problem, seen from further out.
    public func below(_ prefix: [String]) -> Problem {
        Problem(
            at: prefix + path, found: found, expected: expected, nearest: nearest, isAboutKey: isAboutKey)
    }
}

extension Problem: CustomStringConvertible {
    public var description: String {
        let place = path.isEmpty ? "" : path.joined(separator: ".") + ": "
        let hint = nearest.map { " (did you mean \($0)?)" } ?? ""
        return "\(place)found \(found), expected \(expected)\(hint)"
    }
}

/// The name among `names` that `word` was probably meant to be: at most a third of its letters away by
/// edit distance (Levenshtein), the first of equals. nil where nothing is near.
public func nearestName(to word: String, among names: some Sequence<String>) -> String? {
    let limit = max(1, word.count / 3)
    var best: (name: String, distance: Int)?
    for name in names {
        let distance = editDistance(word.lowercased(), name.lowercased())
        if distance <= limit, distance < best?.distance ?? .max { best = (name, distance) }
    }
    return best?.name
}

private func editDistance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a), Array(b))
    var row = Array(0...b.count)
    for (i, letter) in a.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for j in b.indices {
            let substituted = diagonal + (letter == b[j] ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(substituted, diagonal + 1, row[j] + 1)
        }
    }
    return row[b.count]
}
