import FoundationEssentials

/// The first line that an agent or a plugin writes: `hpo1 {"name":"agent","protocol":4,"version":"0.1.0"}`.
/// What stands before it (SSH banners, a login script's chatter) is noise and kept for error messages.
public struct Hello: Hashable, Codable, Sendable {
    /// The protocol this source tree speaks, between coordinator and agent and between agent and plugin.
    public static let currentProtocol = 4
    /// Version of iterhpo.
    public static let currentVersion = "0.1.0"
    /// What the line begins with.
    public static let magic = "hpo1 "

    public let name: String
    public let `protocol`: Int
    public let version: String

    /// This program's own hello.
    public init(name: String) {
        self.name = name
        `protocol` = Self.currentProtocol
        version = Self.currentVersion
    }

    /// The line, with its newline.
    public var line: String {
        get throws { Self.magic + String(decoding: try Lines.encode(self), as: UTF8.self) }
    }

    /// Why a handshake failed.
    public enum Failure: Error, Hashable, CustomStringConvertible {
        /// The stream ended before a hello; `banner` is what it said instead.
        case noHello(banner: String)
        case otherProtocol(theirs: Hello)

        public var description: String {
            switch self {
            case .noHello(let banner):
                banner.isEmpty
                    ? "the other side ended without a word"
                    : "the other side is no iterhpo program; it said: \(banner)"
            case .otherProtocol(let theirs):
                "\(theirs.name) \(theirs.version) speaks protocol \(theirs.protocol), "
                    + "this is \(Hello.currentVersion) with protocol \(Hello.currentProtocol): install the same version on both"
            }
        }
    }

    /// The hello in `line`; nil where the line is noise.
    public static func read(_ line: String) throws(Failure) -> Hello? {
        guard line.hasPrefix(magic),
            let hello = try? Lines.decode(Hello.self, from: Data(line.dropFirst(magic.count).utf8))
        else { return nil }
        guard hello.protocol == currentProtocol else { throw .otherProtocol(theirs: hello) }
        return hello
    }
}
