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
        (self.coordinator, self.key, self.program, self.made) = (coordinator, key, program, made)
        self.home = home
    }

    /// Reads a line.
    /// - Parameter now: seconds since 1970.
    public init(reading line: String, now: Int) throws(EnrolmentFault) {
        self = try Sealed.open(line, Self.prefix, from: "coordinator invite")
        guard Sealed.isFresh(made, days: Self.validDays, now: now) else {
            throw EnrolmentFault(
                "this invite is over \(Self.validDays) days old: print a new one with `coordinator invite`")
        }
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
        guard Sealed.isFresh(made, days: Self.validDays, now: now) else {
            throw EnrolmentFault(
                "this ticket is over \(Self.validDays) days old: run `agent enroll` on the node again")
        }
        guard FolderName.isSafe(name), SSHAddress.isUser(user), (1...65_535).contains(port),
            !addresses.isEmpty, addresses.allSatisfy(SSHAddress.isHost), !hostKeys.isEmpty
        else {
            throw EnrolmentFault(
                "this ticket does not say how to reach its node: run `agent enroll` there again")
        }
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
        guard parts[2] == checksum(parts[1]), let bytes = Data(base64Encoded: base64),
            let value = try? Lines.decode(Value.self, from: bytes)
        else {
            throw EnrolmentFault(
                "the line is damaged, its checksum does not fit: copy all of what `\(command)` printed")
        }
        return value
    }

    /// A clock may be off by a day or two either way.
    static func isFresh(_ made: Int, days: Int, now: Int) -> Bool {
        now - made <= days * 86_400
    }

    /// FNV-1a, 32 bits, in hexadecimal: against slips of the hand, not of malice.
    private static func checksum(_ text: String) -> String {
        let sum = text.utf8.reduce(UInt32(0x811c_9dc5)) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
        return String(sum, radix: 16)
    }
}
