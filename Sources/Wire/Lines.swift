import FleetModel
public import FoundationEssentials
import Glibc

/// Newline-delimited JSON, the form of every message and of `events.jsonl`: one object a line, at most
/// `Lines.longest` bytes.
public enum Lines {
    /// A longer line is refused, so that no peer can make us hold more than this. Bytes, newline excluded.
    public static let longest = 1 << 20

    /// One line with its newline. Keys are sorted, so that equal values give equal bytes.
    public static func encode(_ value: some Encodable) throws -> Data { try encoded(value) }

    /// The same bytes, sooner where they are a report's.
    public static func encode(_ event: RunEvent) throws -> Data {
        if case .report(let report) = event { report.line } else { try encoded(event) }
    }

    static func encoded(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var line = try encoder.encode(value)
        line.append(UInt8(ascii: "\n"))
        return line
    }

    /// Reads one line, without its newline.
    public static func decode<Value: Decodable>(_ type: Value.Type, from line: Data) throws -> Value {
        try decoded(type, from: line)
    }

    /// The same event, sooner where it is a report.
    public static func decode(_ type: RunEvent.Type, from line: Data) throws -> RunEvent {
        try line.withUnsafeBytes { try event(in: $0) }
    }

    static func event(in line: UnsafeRawBufferPointer) throws -> RunEvent {
        if let report = Report(line: line) { return .report(report: report) }
        return try decoded(RunEvent.self, from: Data(line))
    }

    static func decoded<Value: Decodable>(_ type: Value.Type, from line: Data) throws -> Value {
        try JSONDecoder().decode(type, from: line)
    }
}

/// Cuts a byte stream into lines; keeps the unfinished rest.
public struct LineSplitter: Sendable {
    /// A line grew over `Lines.longest`; the stream cannot be trusted any more.
    public struct LineTooLong: Error {}

    /// So much memory is kept for what comes next: hundreds of idle links have a splitter each. Bytes.
    private static let spare = 16 << 10

    private var bytes: [UInt8] = []
    /// Where the bytes begin that are not taken yet, and where the first that may end their line.
    private var (start, searched) = (0, 0)

    /// A splitter at the start of a line.
    public init() {}

    /// Bytes that are not taken yet.
    public var pendingBytes: Int { bytes.count - start }

    /// Appends what has come.
    public mutating func add(_ more: some Collection<UInt8>) {
        if start == bytes.count, bytes.capacity > Self.spare {
            self = LineSplitter()
        } else if start > 0 {
            bytes.removeFirst(start)
            (start, searched) = (0, searched - start)
        }
        if more.withContiguousStorageIfAvailable({ bytes += $0 }) == nil { bytes += more }
    }

    /// Takes the next line, without its newline; nil while none is whole.
    public mutating func line() throws(LineTooLong) -> Data? {
        guard let newline = bytes.withUnsafeBytes({ $0.firstNewline(from: searched) }) else {
            searched = bytes.count
            if pendingBytes > Lines.longest { throw LineTooLong() }
            return nil
        }
        defer { (start, searched) = (newline + 1, newline + 1) }
        return Data(bytes[start..<newline])
    }

    /// Takes so many of the next bytes, whatever they are; nil while there are fewer.
    public mutating func take(count: Int) -> Data? {
        guard pendingBytes >= count else { return nil }
        defer { (start, searched) = (start + count, start + count) }
        return Data(bytes[start..<start + count])
    }

    /// Takes all that is there, whole lines or not.
    public mutating func takeRest() -> Data {
        defer { self = LineSplitter() }
        return Data(bytes[start...])
    }

    /// Adds bytes and takes the lines that they complete.
    public mutating func take(_ more: some Collection<UInt8>) throws(LineTooLong) -> [Data] {
        add(more)
        var lines: [Data] = []
        while let line = try line() { lines.append(line) }
        return lines
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func firstNewline(from start: Int) -> Int? {
        guard start < count, let base = baseAddress,
            let found = memchr(base + start, Int32(UInt8(ascii: "\n")), count - start)
        else { return nil }
        return UnsafeRawPointer(found) - base
    }
}

/// The events of an `events.jsonl`, read from the file's bytes from `offset` on. Stops before an
/// unfinished last line. A whole line that is no event is skipped and counted in `garbage`.
public struct EventChunk: Sendable {
    public private(set) var events: [PlacedEvent] = []
    /// Offset just after the last whole line.
    public private(set) var end: Int
    /// Whole lines that could not be read.
    public private(set) var garbage = 0

    public init(_ bytes: some ContiguousBytes, from offset: Int) {
        end = offset
        bytes.withUnsafeBytes { bytes in
            var start = 0
            while let newline = bytes.firstNewline(from: start) {
                let line = UnsafeRawBufferPointer(rebasing: bytes[start..<newline])
                start = newline + 1
                end = offset + start
                if let event = try? Lines.event(in: line) {
                    events.append(PlacedEvent(end: end, event: event))
                } else {
                    garbage += 1
                }
            }
        }
    }
}
