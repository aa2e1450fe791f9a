import FoundationEssentials
import Wire

/// The beginning of what an agent writes: noise, then its hello.
struct Greeting {
    /// How much noise is kept. Bytes.
    static let longestBanner = 64 << 10

    private(set) var hello: Hello?
    /// What came before the hello, for the message when none comes.
    private(set) var banner = ""
    private var splitter = LineSplitter()

    /// What of the bytes follows the hello.
    mutating func take(_ bytes: [UInt8]) throws(LinkFailure) -> [UInt8] {
        guard hello == nil else { return bytes }
        do {
            splitter.add(bytes)
            while let line = try splitter.line() {
                if try isHello(String(decoding: line, as: UTF8.self)) { return Array(splitter.takeRest()) }
            }
            return []
        } catch let failure as Hello.Failure {
            guard case .otherProtocol(let theirs) = failure else { throw .noAgent(banner: banner) }
            throw .versionMismatch(ours: Hello.currentProtocol, theirs: theirs)
        } catch {
            throw .lineTooLong
        }
    }

    /// A login script may leave its last line without an end: then the hello stands behind it.
    private mutating func isHello(_ text: String) throws(Hello.Failure) -> Bool {
        let start = text.ranges(of: Hello.magic).last?.lowerBound ?? text.startIndex
        if let found = try Hello.read(String(text[start...])) {
            hello = found
            return true
        }
        if banner.utf8.count + text.utf8.count < Self.longestBanner { banner += text + "\n" }
        return false
    }
}

/// All that an agent writes over one connection, whatever carries it.
struct AgentTalk {
    private var greeting = Greeting()
    private var reader = NewsReader()

    /// It has said hello.
    var isConnected: Bool { greeting.hello != nil }

    /// What the bytes complete.
    mutating func take(_ bytes: [UInt8]) throws(LinkFailure) -> [LinkEvent] {
        let wasConnected = isConnected
        let rest = try greeting.take(bytes)
        do {
            let news = try reader.take(rest).map(LinkEvent.news)
            return wasConnected ? news : (greeting.hello.map { [.connected($0)] } ?? []) + news
        } catch {
            throw .lineTooLong
        }
    }

    /// Why it has ended, where it ended by itself.
    /// - Parameters:
    ///   - errors: what its side wrote to stderr.
    ///   - why: what is known besides, where that is nothing.
    func failure(_ errors: String, otherwise why: String = "") -> LinkFailure {
        let lines = errors.split(whereSeparator: \.isNewline).joined(separator: "\n")
        if isConnected { return .lost(why: lines.isEmpty ? why : lines) }
        return lines.isEmpty ? .noAgent(banner: greeting.banner) : .agentFailed(why: greeting.banner + lines)
    }

    /// Nobody has said hello for so many seconds.
    /// - Parameter errors: what its side wrote to stderr.
    func silence(of seconds: Double, _ errors: String) -> LinkFailure {
        .silent(seconds: Int(seconds), said: greeting.banner + errors)
    }
}
