import FleetModel

/// Where a node's sshd is, and who it is.
public struct SSHAddress: Hashable, Codable, Sendable {
    /// A host name, an IP address, or an alias of `~/.ssh/config`.
    public let host: String
    /// nil: what `~/.ssh/config` says, or 22.
    public let port: Int?
    public let user: String
    /// The keys of which the host must show one, from its enrolment on. Never empty.
    public let hostKeys: [HostKey]

    public init(host: String, port: Int?, user: String, hostKeys: [HostKey]) {
        (self.host, self.port, self.user, self.hostKeys) = (host, port, user, hostKeys)
    }

    /// True for what may be a host name, an address or an alias: never an option, never with white space.
    public static func isHost(_ text: String) -> Bool {
        let isPlain = text.utf8.allSatisfy { byte in
            FolderName.isSafe(String(decoding: [UInt8(ascii: "a"), byte], as: UTF8.self))
                || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "%")
        }
        return !text.isEmpty && text.utf8.count <= 255 && isPlain && !text.hasPrefix("-")
    }

    /// True for what may be a port.
    public static func isPort(_ number: Int) -> Bool { (1...65_535).contains(number) }

    /// True for what may be a user's name.
    public static func isUser(_ text: String) -> Bool {
        FolderName.isSafe(text) && !text.hasPrefix("-")
    }
}

/// A public host key, in the two words of `known_hosts`: `ssh-ed25519 AAAA…`.
public struct HostKey: Hashable, Sendable, CustomStringConvertible {
    public let type: String
    /// The key in base64.
    public let key: String

    public init(type: String, key: String) {
        (self.type, self.key) = (type, key)
    }

    /// Reads the first two words of a line of a `.pub` file; nil where they are no key of a type that libssh
    /// can check.
    public init?(_ line: String) {
        let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
        guard words.count >= 2, let algorithms = Self.algorithms[words[0]], !algorithms.isEmpty,
            words[1].utf8.count < 4_096, words[1].hasPrefix("AAAA"), words[1].utf8.allSatisfy(Self.isBase64)
        else { return nil }
        self.init(type: words[0], key: words[1])
    }

    public var description: String { "\(type) \(key)" }

    /// What the two sides agree on for a key of this type (RFC 8332 for RSA).
    public var algorithms: String { Self.algorithms[type] ?? type }

    private static let algorithms = [
        "ssh-ed25519": "ssh-ed25519", "ecdsa-sha2-nistp256": "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384": "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521": "ecdsa-sha2-nistp521",
        "ssh-rsa": "rsa-sha2-512,rsa-sha2-256",
    ]

    private static func isBase64(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="):
            true
        default: false
        }
    }
}

extension HostKey: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        // Nothing else may stand in it: a comment, a line break.
        guard let key = HostKey(text), key.description.utf8.elementsEqual(text.utf8) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "expected the type and the base64 of a host key, and nothing else")
        }
        self = key
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
