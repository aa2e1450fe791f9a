public import FleetModel
import FoundationEssentials
import Glibc
import Spawn
public import Wire

/// A second stream to a node's agent, beside the link's control messages: see `BulkRequest` for what is said
/// on it. Each channel has its own process at the agent's end, and over SSH its own connection, so that it
/// never holds up another.
///
/// Its calls block: it belongs on a thread of its own (`onOwnThread`), never in a task. One thread at a time.
/// It ends with its last reference.
public final class BulkChannel {
    private let line: any BulkLine
    private var rest: [UInt8] = []
    /// Takes the line once nobody needs the channel any more; nil: it ends.
    private let takeBack: ((any BulkLine) -> Void)?
    private var isHandedBack = false

    init(_ line: any BulkLine, takeBack: ((any BulkLine) -> Void)? = nil) throws(LinkFailure) {
        (self.line, self.takeBack) = (line, takeBack)
        try skipToHello()
    }

    /// A channel over a line whose hello was heard before.
    init(again line: any BulkLine, takeBack: @escaping (any BulkLine) -> Void) {
        (self.line, self.takeBack) = (line, takeBack)
    }

    deinit {
        if !isHandedBack { line.end() }
    }

    /// Nothing more is asked on this channel, and everything was answered: the next one to the same agent need
    /// not be set up anew.
    public func handBack() {
        guard let takeBack, rest.isEmpty, !isHandedBack else { return }
        isHandedBack = true
        takeBack(line)
    }

    /// Some bytes, as soon as there are any, at most `count`; none once the other side has ended its stream.
    /// Over SSH, 4 MiB is a good count: the window grows with it.
    public func read(upTo count: Int) throws(LinkFailure) -> [UInt8] {
        guard !rest.isEmpty else { return try line.read(upTo: count) }
        defer { rest.removeFirst(min(count, rest.count)) }
        return Array(rest.prefix(count))
    }

    /// The next line as a value. - Throws: `LinkFailure.lost` also where the line is none.
    public func receive<Value: Decodable>(_ type: Value.Type) throws(LinkFailure) -> Value {
        let text = try readLine()
        do {
            return try Lines.decode(type, from: text)
        } catch {
            let start = String(decoding: text.prefix(80), as: UTF8.self)
            throw .lost(why: "expected a \(type), found \(start)")
        }
    }

    /// Writes all of it; waits while the other side does not take it.
    public func write(_ bytes: some Collection<UInt8>) throws(LinkFailure) {
        try line.write(Array(bytes))
    }

    /// Writes a value as a line.
    public func send(_ value: some Encodable) throws(LinkFailure) {
        guard let line = try? Lines.encode(value) else {
            preconditionFailure("what we send is always writable: \(value)")
        }
        try write(line)
    }

    /// Exactly so many bytes.
    public func read(exactly count: Int) throws(LinkFailure) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            let more = try read(upTo: count - bytes.count)
            guard !more.isEmpty else { throw .lost(why: line.complaints) }
            bytes += more
        }
        return bytes
    }

    /// The end of what a run wrote, at most `limit` bytes; empty where there is nothing.
    public func log(of run: RunKey, _ stream: LogStream, limit: Int) throws(LinkFailure) -> [UInt8] {
        try send(BulkRequest.log(run: run, stream: stream, limit: limit))
        switch try receive(BulkAnswer.self) {
        case .bytes(let count) where count <= limit: return try read(exactly: count)
        case .bytes(let count): throw .lost(why: "\(count) bytes came where at most \(limit) were asked for")
        case .refused(let reason): throw .lost(why: reason)
        case let answer: throw .lost(why: "expected a log, found \(answer)")
        }
    }

    /// No more is written; the other side sees the end of the stream, and may still answer.
    public func endWriting() { line.endWriting() }

    /// A line without its newline.
    private func readLine() throws(LinkFailure) -> Data {
        var scanned = 0
        while true {
            if let newline = rest[scanned...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { rest.removeFirst(newline + 1) }
                return Data(rest[..<newline])
            }
            scanned = rest.count
            guard scanned <= Lines.longest else {
                throw .lost(why: "a line of over \(Lines.longest) bytes came")
            }
            let more = try line.read(upTo: 1 << 16)
            guard !more.isEmpty else { throw .lost(why: line.complaints) }
            rest += more
        }
    }

    private func skipToHello() throws(LinkFailure) {
        var greeting = Greeting()
        while greeting.hello == nil {
            let more = try line.read(upTo: 1 << 16)
            guard !more.isEmpty else {
                let why = line.complaints
                throw why.isEmpty
                    ? .noAgent(banner: greeting.banner) : .agentFailed(why: greeting.banner + why)
            }
            // What follows the hello answers requests, and we made none yet.
            guard try greeting.take(more).isEmpty else {
                throw .noAgent(banner: "an answer before a request")
            }
        }
    }
}

/// What carries a bulk channel.
protocol BulkLine: AnyObject {
    /// Some bytes; none at the stream's end.
    func read(upTo count: Int) throws(LinkFailure) -> [UInt8]
    func write(_ bytes: [UInt8]) throws(LinkFailure)
    func endWriting()
    func end()
    /// Whether the other side is there and has nothing to say, as far as is known.
    var isQuiet: Bool { get }
    /// What the other side said on its stderr so far.
    var complaints: String { get }
}

/// A local agent's `attach --bulk` as a child.
final class BulkPipe: BulkLine {
    private let child: AttachChild
    private let patience: Double
    private var said = ""

    /// - Parameter patience: so long may the other side do nothing, in seconds, before it is given up.
    init(_ executable: String, _ arguments: [String], patience: Double) throws(LinkFailure) {
        signal(SIGPIPE, SIG_IGN)
        do {
            child = try AttachChild(executable, arguments)
        } catch {
            throw .notInstalled(program: executable, why: error.description)
        }
        self.patience = patience
    }

    var complaints: String {
        child.readRest(of: &said)
        return said.split(whereSeparator: \.isNewline).joined(separator: "\n")
    }

    func read(upTo count: Int) throws(LinkFailure) -> [UInt8] {
        while true {
            switch Spawn.receive(child.output, limit: count) {
            case .bytes(let bytes): return bytes
            case .end: return []
            case .nothing: try wait(for: child.output, POLLIN)
            }
        }
    }

    func write(_ bytes: [UInt8]) throws(LinkFailure) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(child.input, $0.baseAddress! + sent, bytes.count - sent)
            }
            if count > 0 {
                sent += count
            } else if errno == EAGAIN {
                try wait(for: child.input, POLLOUT)
            } else if errno != EINTR {
                throw .lost(why: complaints)
            }
        }
    }

    var isQuiet: Bool {
        var waits = [pollfd(fd: child.output, events: Int16(POLLIN), revents: 0)]
        return poll(&waits, 1, 0) == 0
    }

    func endWriting() { child.closeInput() }

    func end() { child.end() }

    private func wait(for descriptor: Int32, _ what: Int32) throws(LinkFailure) {
        var waits = [pollfd(fd: descriptor, events: Int16(what), revents: 0)]
        if poll(&waits, 1, Int32(patience * 1_000)) == 0 {
            throw .lost(why: "the other side did nothing for \(patience) s")
        }
    }
}
