import Glibc
import Spawn
import Wire

/// An `authorized_keys` file (sshd(8)), of which only lines with a coordinator's key are ever touched.
struct AuthorizedKeys {
    let path: String

    /// The file that sshd reads by default for the user who runs this.
    static var usual: String {
        let home = getpwuid(getuid()).map { String(cString: $0.pointee.pw_dir) } ?? "/root"
        return home + "/.ssh/authorized_keys"
    }

    /// Every line without its newline, byte for byte.
    var lines: [ArraySlice<UInt8>] {
        var lines = (contents(path) ?? []).split(
            separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        // What stands behind the last newline is a line only where there is something.
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }

    /// Lets the key in, for the command and nothing else. A line that has the key already is replaced, since
    /// sshd goes by the first; every other line stays as it is.
    /// - Returns: whether the file was changed.
    func install(_ key: HostKey, command: [String], comment: String) throws -> Bool {
        let text = "restrict,command=\"\(try Self.plain(command))\" \(key) iterhpo \(comment)"
        // A line break would begin another line, for which nothing is restricted.
        guard text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
            throw AgentError(
                "\(text.debugDescription) cannot stand in \(path): it has control characters, expected one line of text"
            )
        }
        let line = Array(text.utf8)
        var kept = lines
        let places = kept.indices.filter { KeyLine(kept[$0])?.has(key) ?? false }
        if let first = places.first {
            kept[first] = line[...]
            for place in places.dropFirst().reversed() { kept.remove(at: place) }
        } else {
            kept.append(line[...])
        }
        return try write(kept)
    }

    /// Takes out every line of ours that leads to the agent of a home.
    /// - Parameter home: without links.
    /// - Returns: how many there were.
    func remove(home: String) throws -> Int {
        let kept = lines.filter { line in
            KeyLine(line).map { !$0.isOurs || $0.home != home } ?? true
        }
        let count = lines.count - kept.count
        if count > 0 { _ = try write(kept) }
        return count
    }

    /// Whether a line leads to the agent of a home.
    /// - Parameter home: without links.
    func has(home: String) -> Bool {
        lines.contains { KeyLine($0)?.home == home }
    }

    /// What the line of a key says behind `attach`; nil where there is none, or it leads to no agent.
    func attaching(_ key: HostKey) -> [String]? {
        lines.lazy.compactMap(KeyLine.init).first { $0.has(key) }?.attaching
    }

    /// Characters in which the user's shell finds nothing to do.
    static let plainCharacters = "letters, digits and /._-+:@=,%"

    /// Whether a word may stand in a command that the user's shell reads.
    static func isPlain(_ word: String) -> Bool {
        !word.isEmpty
            && word.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "/._-+:@=,%".utf8.contains(byte)
                }
            }
    }

    /// The words of a command as sshd passes them to the user's shell.
    private static func plain(_ words: [String]) throws -> String {
        for word in words where !isPlain(word) {
            throw AgentError(
                "\(word.debugDescription) cannot stand in authorized_keys, where the user's shell reads it: choose "
                    + "a place with \(plainCharacters) only")
        }
        return words.joined(separator: " ")
    }

    /// Replaces the file in one step; its mode and owner stay. Nothing is written where no line differs.
    private func write(_ lines: [ArraySlice<UInt8>]) throws -> Bool {
        if lines == self.lines { return false }
        let bytes = lines.flatMap { $0 + [UInt8(ascii: "\n")] }
        let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        if access(folder, F_OK) != 0 { try checked("make \(folder)") { mkdir(folder, 0o700) } }
        // A link is followed: what it leads to is replaced, not the link.
        let real = absolute(path)
        var status = stat()
        let isThere = stat(real, &status) == 0
        let fresh = "\(real).iterhpo.\(getpid())"
        let descriptor = try checked("write \(fresh)") {
            open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        }
        defer {
            close(descriptor)
            unlink(fresh)
        }
        if isThere {
            try checked("keep the mode of \(real)") { fchmod(descriptor, status.st_mode & 0o7777) }
            _ = fchown(descriptor, status.st_uid, status.st_gid)
        }
        try writeAll(bytes, to: descriptor, as: "write \(fresh)")
        try checked("save \(fresh)") { fsync(descriptor) }
        try checked("write \(real)") { rename(fresh, real) }
        return true
    }
}
