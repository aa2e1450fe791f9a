public import FleetModel
import FoundationEssentials

/// The line that `coordinator invite` prints and `agent enroll` reads. It holds nothing secret.
public struct Invite: Hashable, Codable, Sendable {
    static let prefix = "iterhpo-invite-1"
    /// An invite that lay about for longer is refused. Days.
    static let validDays = 30

    /// The head's host name, for people.
    public let coordinator: String
    /// The key that the coordinator will show.
    public let key: HostKey
    /// Absolute path of the coordinator's program on the head, for `agent enroll --report`.
    public let program: String
    /// The coordinator's home there; nil where it is the usual one.
    public let home: String?
    /// Seconds since 1970.
    public let made: Int

    public init(coordinator: String, key: HostKey, program: String, home: String? = nil, made: Int) {
        (self.coordinator, self.key, self.program) = (coordinator, key, program)
        (self.home, self.made) = (home, made)
    }

    /// Reads a line.
    /// - Parameter now: seconds since 1970.
    public init(reading line: String, now: Int) throws(EnrolmentFault) {
        self = try Sealed.open(line, Self.prefix, from: "coordinator invite")
        let again = "print a new one with `coordinator invite`"
        try Sealed.checkAge(made, of: "this invite", days: Self.validDays, now: now, again)
        try Sealed.check(
            "this invite",
            [
                ("coordinator", coordinator, SSHAddress.isHost(coordinator), "a host name"),
                ("program", program, Self.isPath(program), "an absolute path without control characters"),
                (
                    "home", home ?? "", home.map(Self.isPath) ?? true,
                    "an absolute path without control characters"
                ),
            ], again)
    }

    private static func isPath(_ path: String) -> Bool {
        path.hasPrefix("/") && path.utf8.count <= 4_096
            && path.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
    }

    public var line: String { get throws { try Sealed.seal(self, Self.prefix) } }
}

/// The line that `agent enroll` prints and `coordinator nodes add` reads: where the node is, and how it is
/// known.
public struct Ticket: Hashable, Codable, Sendable {
    static let prefix = "iterhpo-ticket-1"
    /// Days.
    static let validDays = 30

    /// What the machine calls itself, as a name for the node.
    public let name: String
    public let user: String
    /// Where the machine thinks that it can be reached, the best first. Never empty.
    public let addresses: [String]
    public let port: Int
    /// Never empty.
    public let hostKeys: [HostKey]
    /// The coordinator's key that was installed.
    public let key: HostKey
    public let version: String
    public let gpus: GPUSurvey
    /// GPUs, or CPU slots where there are none.
    public let slots: Int
    public let plugins: [String]
    /// Free on the disk of the agent's home.
    public let freeDiskMiB: Int
    /// Seconds since 1970, by the node's clock.
    public let made: Int
    /// The agent's home; nil in tickets of versions that did not say.
    public let home: String?

    public init(
        name: String, user: String, addresses: [String], port: Int, hostKeys: [HostKey], key: HostKey,
        version: String, gpus: GPUSurvey, slots: Int, plugins: [String], freeDiskMiB: Int, made: Int,
        home: String? = nil
    ) {
        (self.name, self.user, self.addresses, self.port) = (name, user, addresses, port)
        (self.hostKeys, self.key, self.version) = (hostKeys, key, version)
        (self.gpus, self.slots, self.plugins) = (gpus, slots, plugins)
        (self.freeDiskMiB, self.made, self.home) = (freeDiskMiB, made, home)
    }

    /// Reads a line.
    /// - Parameter now: seconds since 1970.
    public init(reading line: String, now: Int) throws(EnrolmentFault) {
        self = try Sealed.open(line, Self.prefix, from: "agent enroll")
        let again = "run `agent enroll` on the node again"
        try Sealed.checkAge(made, of: "this ticket", days: Self.validDays, now: now, again)
        let places = addresses.joined(separator: " ")
        let hasPlaces = !addresses.isEmpty && addresses.allSatisfy(SSHAddress.isHost)
        let arePlugins = plugins.allSatisfy(FolderName.isSafe)
        try Sealed.check(
            "this ticket",
            [
                ("name", name, FolderName.isSafe(name), FolderName.rule),
                ("user", user, SSHAddress.isUser(user), "a user's name"),
                ("port", "\(port)", SSHAddress.isPort(port), "a number from 1 to 65535"),
                ("addresses", places, hasPlaces, "host names or IP addresses"),
                ("host keys", "none", !hostKeys.isEmpty, "one at least"),
                ("version", version, SSHAddress.isHost(version.replacing("+", with: "")), "a version"),
                ("plugins", plugins.joined(separator: " "), arePlugins, "names of plugins"),
                ("slots", "\(slots)", slots >= 0, "a number, at least 0"),
                ("free disk", "\(freeDiskMiB)", freeDiskMiB >= 0, "a number, at least 0"),
            ], again)
    }

    public var line: String { get throws { try Sealed.seal(self, Self.prefix) } }
}

/// What is wrong with an invite or a ticket, and what to do, in one sentence.
public struct EnrolmentFault: Error, Hashable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

/// A value as one word that survives copying: a prefix, its JSON in base64url (RFC 4648), a checksum.
private enum Sealed {
    private static let longest = 64 << 10

    static func seal(_ value: some Encodable, _ prefix: String) throws -> String {
        let text = try Lines.encode(value).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_").filter { $0 != "=" }
        return "\(prefix).\(text).\(checksum(text))"
    }

    static func open<Value: Decodable>(
        _ line: String, _ prefix: String, from command: String
    ) throws(EnrolmentFault) -> Value {
        let line = String(line.filter { !$0.isWhitespace })
        let parts = line.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard line.utf8.count <= longest, parts.count == 3, parts[0] == prefix else {
            throw EnrolmentFault(
                "found \"\(line.prefix(40))\", expected the line that `\(command)` prints, which begins with "
                    + "\(prefix).")
        }
        let padding = String(repeating: "=", count: (4 - parts[1].utf8.count % 4) % 4)
        let base64 = parts[1].replacing("-", with: "+").replacing("_", with: "/") + padding
        guard parts[2] == checksum(parts[1]), let bytes = Data(base64Encoded: base64) else {
            throw EnrolmentFault(
                "the line is damaged, its checksum does not fit: copy all of what `\(command)` printed")
        }
        guard let value = try? Lines.decode(Value.self, from: bytes) else {
            throw EnrolmentFault(
                "the line is whole, and does not say what `\(command)` of this version, \(Hello.currentVersion), does: "
                    + "print it with that")
        }
        return value
    }

    private static let day = 86_400
    /// A clock may be off by so many days.
    private static let mostAhead = 2

    /// - Parameters:
    ///   - made: by the clock of who made it; any number.
    ///   - again: what to do.
    static func checkAge(
        _ made: Int, of what: String, days: Int, now: Int, _ again: String
    ) throws(EnrolmentFault) {
        guard made >= now - days * day else {
            throw EnrolmentFault("\(what) is over \(days) days old: \(again)")
        }
        guard made <= now + mostAhead * day else {
            throw EnrolmentFault(
                "\(what) was made over \(mostAhead) days from now, by the clock of the machine that made it: set the "
                    + "clocks of both machines right, then \(again)")
        }
    }

    /// One thing that a line says: its name, what was found, whether that can be, and what was expected.
    typealias Field = (name: String, found: String, isRight: Bool, expected: String)

    /// Its checksum keeps a line from slips of the hand; that it says what we would say, nothing does: whoever sends
    /// an invite would write into `authorized_keys` with it, and a ticket's words go to a terminal and to ssh.
    static func check(
        _ what: String, _ fields: [Field], _ again: String
    ) throws(EnrolmentFault) {
        guard let wrong = fields.first(where: { !$0.isRight }) else { return }
        // With quotes, and line breaks and the like written out.
        let found = String(wrong.found.prefix(80)).debugDescription
        throw EnrolmentFault(
            "\(what) cannot be used, its \(wrong.name): found \(found), expected \(wrong.expected); \(again)")
    }

    /// FNV-1a, 32 bits, in hexadecimal: against slips of the hand, not of malice.
    private static func checksum(_ text: String) -> String {
        let sum = text.utf8.reduce(UInt32(0x811c_9dc5)) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
        return String(sum, radix: 16)
    }
}
