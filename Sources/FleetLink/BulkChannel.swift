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

    /// Reads some bytes, as soon as there are any, into the memory's beginning; answers how many, 0 once the
    /// other side has ended its stream.
    func read(into memory: UnsafeMutableRawBufferPointer) throws(LinkFailure) -> Int {
        guard !rest.isEmpty else { return try line.read(into: memory) }
        let count = min(memory.count, rest.count)
        memory.copyBytes(from: rest[..<count])
        rest.removeFirst(count)
        return count
    }

    /// Fills the memory with what comes next.
    func fill(_ memory: UnsafeMutableRawBufferPointer) throws(LinkFailure) {
        var done = 0
        while done < memory.count {
            let count = try read(into: UnsafeMutableRawBufferPointer(rebasing: memory[done...]))
            guard count > 0 else { throw .lost(why: line.complaints) }
            done += count
        }
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
        let bytes = Array(bytes)
        try bytes.withUnsafeBufferPointer { bytes throws(LinkFailure) in
            try line.write(UnsafeRawBufferPointer(bytes))
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(LinkFailure) { try line.write(bytes) }

    /// Writes a value as a line.
    public func send(_ value: some Encodable) throws(LinkFailure) {
        guard let line = try? Lines.encode(value) else {
            preconditionFailure("what we send is always writable: \(value)")
        }
        try write(line)
    }

    /// What an agent says that follows is never more than a manifest of this length. Bytes.
    private static let longestAnswer = 1 << 30

    /// Exactly so many bytes, as the other side has announced.
    public func read(exactly count: Int) throws(LinkFailure) -> [UInt8] {
        guard (0...Self.longestAnswer).contains(count) else {
            throw .lost(why: "\(count) bytes were announced, expected 0 to \(Self.longestAnswer)")
        }
        var bytes = [UInt8](repeating: 0, count: count)
        try bytes.withUnsafeMutableBufferPointer { bytes throws(LinkFailure) in
            try fill(UnsafeMutableRawBufferPointer(bytes))
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

    /// No more is written; waits until the other side has taken in what was, and has ended too, or is gone.
    func finish() {
        endWriting()
        while let more = try? readSome(), !more.isEmpty {}
    }

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
            let more = try readSome()
            guard !more.isEmpty else { throw .lost(why: line.complaints) }
            rest += more
        }
    }

    /// What comes next of the line itself; none at its end.
    private func readSome() throws(LinkFailure) -> [UInt8] {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 1)
        defer { memory.deallocate() }
        return Array(memory.prefix(try line.read(into: memory)))
    }

    private func skipToHello() throws(LinkFailure) {
        var greeting = Greeting()
        while greeting.hello == nil {
            let more = try readSome()
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
    /// Reads some bytes, as soon as there are any; answers how many, 0 at the stream's end.
    func read(into memory: UnsafeMutableRawBufferPointer) throws(LinkFailure) -> Int
    func write(_ bytes: UnsafeRawBufferPointer) throws(LinkFailure)
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

    func read(into memory: UnsafeMutableRawBufferPointer) throws(LinkFailure) -> Int {
        while true {
            let count = Glibc.read(child.output, memory.baseAddress, memory.count)
            if count >= 0 { return count }
            switch errno {
            case EAGAIN: try wait(for: child.output, POLLIN)
            case EINTR: continue
            default: return 0
            }
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(LinkFailure) {
        var sent = 0
        while sent < bytes.count {
            let count = Glibc.write(child.input, bytes.baseAddress! + sent, bytes.count - sent)
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
