public import FleetModel
public import Wire

/// What a link tells, in order.
public enum LinkEvent: Hashable, Sendable {
    /// The agent said hello. Nothing of an earlier connection counts any more: whoever listens sends its
    /// survey, its follows and every order that is still outstanding.
    case connected(Hello)
    case news(News)
    /// The next attempt comes in `retryIn` seconds.
    case disconnected(LinkFailure, retryIn: Double)
}

/// Why there is no connection; each case says what helps. The link itself tries again after any of them.
public enum LinkFailure: Error, Hashable, Sendable {
    /// There is no agent to run there. A person installs it.
    case notInstalled(program: String, why: String)
    /// Something ran, but was no agent; `banner` is what it said. A person looks at the node.
    case noAgent(banner: String)
    /// There is a connection, and nobody has said hello on it for so many seconds; `said` is what came meanwhile.
    /// Nothing has ended: a login script is slow, or the agent stands still. A person looks at the node.
    case silent(seconds: Int, said: String)
    /// Both are iterhpo, of different protocols. A person brings the same version to both.
    case versionMismatch(ours: Int, theirs: Hello)
    /// The agent could not begin, and said why. A person looks at the node.
    case agentFailed(why: String)
    /// Nothing answers at the host, or nothing that speaks SSH. Nothing to do but wait, or look at the host.
    case unreachable(host: String, why: String)
    /// The host shows another key than the one it was enrolled with: the machine was set up anew, or is
    /// another. No more attempts are made; a person looks, and enrols it again.
    case hostKeyChanged(host: String, found: String)
    /// The host does not let the coordinator in. A person enrols the node again.
    case keyRefused(user: String, host: String, why: String)
    /// The coordinator's own key cannot be used: no node has a part in that. A person does as `why` says.
    case ownKeyUnusable(why: String)
    /// There was a connection, and it ended. Nothing to do but wait: runs go on, nothing is lost.
    case lost(why: String)
}

extension LinkFailure {
    static let lineTooLong = LinkFailure.lost(why: "a line of over \(Lines.longest) bytes came")
}

extension LinkFailure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notInstalled(let program, let why): "there is no agent at \(program): \(why.printable)"
        case .noAgent(let banner):
            banner.isEmpty
                ? "the other side ended without a word"
                : "the other side is no agent; it said: \(banner.printable)"
        case .silent(let seconds, let said):
            "the agent did not answer within \(seconds) s"
                + (said.isEmpty ? "" : "; what came instead: \(said.printable)")
        case .versionMismatch(let ours, let theirs):
            Self.difference(ours, theirs) + ": install the same version on both"
        case .agentFailed(let why): "the agent could not begin: \(why.printable)"
        case .unreachable(let host, let why): "\(host) does not answer: \(why.printable)"
        case .hostKeyChanged(let host, let found):
            "\(host) shows another host key (\(found)) than the one it was enrolled with. Either it was set up "
                + "anew, or this is another machine: nothing is sent to it. Once you know that it is right, "
                + "remove the node and enrol it again"
        case .keyRefused(let user, let host, let why):
            "\(user)@\(host) does not accept the coordinator's key: \(why). Enrol the node again"
        case .ownKeyUnusable(let why): "this coordinator cannot use its own key: \(why)"
        case .lost(let why): "the connection ended" + (why.isEmpty ? "" : ": \(why.printable)")
        }
    }

    /// The same for who knows the node's name, with the command that helps where there is one.
    public func description(of node: NodeID) -> String {
        guard case .versionMismatch(let ours, let theirs) = self, node != .local else { return description }
        let newer = theirs.protocol > ours ? "install \(theirs.version.printable) here, or " : ""
        return Self.difference(ours, theirs) + ": \(newer)run `coordinator nodes upgrade \(node)`"
    }

    private static func difference(_ ours: Int, _ theirs: Hello) -> String {
        "\(theirs.name.printable) \(theirs.version.printable) speaks protocol \(theirs.protocol), "
            + "this is \(Hello.currentVersion) with protocol \(ours)"
    }
}

extension LinkFailure {
    /// Whether trying again is of no use before a person has done something.
    public var isFinal: Bool {
        if case .hostKeyChanged = self { true } else { false }
    }

    /// Whether another version of the agent would help.
    public var isOtherVersion: Bool {
        if case .versionMismatch = self { true } else { false }
    }
}

/// How long to wait before the next attempt: 0.1 s, doubled to at most 8 s, each with a share of chance,
/// so that a thousand links do not come back in the same moment, and a host that is down is asked at most 15
/// times in the first minute, whatever chance says, and about 9 times in each one after it.
struct BackOff {
    private var next = first
    private static let first = 0.1
    private static let longest = 8.0

    /// Seconds, between three quarters and all of the doubled time.
    mutating func delay(chance: Double = .random(in: 0...1)) -> Double {
        defer { next = min(next * 2, Self.longest) }
        return next * (0.75 + chance / 4)
    }

    /// A connection came about.
    mutating func reset() { next = Self.first }
}
