import FleetModel
import FoundationEssentials

/// Makes news of what an agent writes behind its hello, over one connection.
public struct NewsReader: Sendable {
    /// The most bytes of events in one piece: one line of the longest kind.
    public static let longestPiece = Lines.longest + 1

    /// More than any file has. Bytes.
    private static let longestFile = 1 << 60

    private var splitter = LineSplitter()
    /// The piece of events of which some bytes have not come yet.
    private var piece: (run: RunKey, from: Int, bytes: Int)?
    /// As it was told over this connection, with its changes.
    private var inventory: Inventory?

    public init() {}

    /// The news that `bytes` complete.
    /// - Throws: when a line or a piece is longer than allowed; the connection cannot be trusted any more.
    public mutating func take(_ bytes: some Collection<UInt8>) throws(LineSplitter.LineTooLong) -> [News] {
        splitter.add(bytes)
        var news: [News] = []
        while true {
            if let piece {
                guard let bytes = splitter.take(count: piece.bytes) else { return news }
                self.piece = nil
                let events = EventChunk(bytes, from: piece.from).events
                if !events.isEmpty { news.append(.events(run: piece.run, events: events)) }
            } else {
                guard let line = try splitter.line() else { return news }
                // Most of what idle agents say are beats, which tell nobody anything.
                guard !line.isEmpty, line != Self.beat else { continue }
                if let told = try read(line) { news.append(told) }
            }
        }
    }

    private mutating func read(_ text: Data) throws(LineSplitter.LineTooLong) -> News? {
        guard let line = try? Lines.decode(NewsLine.self, from: text) else {
            // A line of a later version is no reason to end; what it meant, an earlier one need not know.
            return .complaint(
                text: "unreadable news: \(String(decoding: text.prefix(80), as: UTF8.self))")
        }
        switch line {
        case .beat: return nil
        case .inventory(let whole): inventory = whole
        case .slots(let changed): inventory = inventory?.changing(changed)
        case .events(let run, let from, let bytes):
            guard (0...Self.longestPiece).contains(bytes), (0...Self.longestFile).contains(from) else {
                throw LineSplitter.LineTooLong()
            }
            piece = (run, from, bytes)
            return nil
        case .runs(let study, let runs): return .runs(study: study, runs: runs)
        case .checkpoints(let study, let held): return .checkpoints(study: study, held: held)
        case .refused(let run, let reason): return .refused(run: run, reason: reason)
        case .complaint(let text): return .complaint(text: text)
        }
        return inventory.map { .inventory($0) }
    }

    /// A beat of an agent of this version, without its newline.
    private static let beat = (try? Lines.encode(NewsLine.beat))?.dropLast()
}
