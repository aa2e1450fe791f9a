import FleetModel
public import FoundationEssentials

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
        if let report = Report(line: line) { .report(report: report) } else { try decoded(type, from: line) }
    }

    static func decoded<Value: Decodable>(_ type: Value.Type, from line: Data) throws -> Value {
        try JSONDecoder().decode(type, from: line)
    }
}

/// Cuts a byte stream into lines; keeps the unfinished rest.
public struct LineSplitter: Sendable {
    /// A line grew over `Lines.longest`; the stream cannot be trusted any more.
    public struct LineTooLong: Error {}

    private var rest = Data()

    /// A splitter at the start of a line.
    public init() {}

    /// Bytes of the line that is not finished yet.
    public var pendingBytes: Int { rest.count }

    /// The lines that `bytes` completes, each without its newline.
    public mutating func take(_ bytes: some DataProtocol) throws(LineTooLong) -> [Data] {
        rest.append(contentsOf: bytes)
        var lines: [Data] = []
        var start = rest.startIndex
        while let newline = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
            lines.append(Data(rest[start..<newline]))
            start = rest.index(after: newline)
        }
        if start > rest.startIndex { rest = Data(rest[start...]) }
        if rest.count > Lines.longest { throw LineTooLong() }
        return lines
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

    public init(_ bytes: Data, from offset: Int) {
        end = offset
        var start = bytes.startIndex
        while let newline = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            end += bytes.distance(from: start, to: newline) + 1
            do {
                let event = try Lines.decode(RunEvent.self, from: Data(bytes[start..<newline]))
                events.append(PlacedEvent(end: end, event: event))
            } catch {
                garbage += 1
            }
            start = bytes.index(after: newline)
        }
    }
}
