import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Wire

/// Reads an `events.jsonl` piece by piece. The file is the queue: nothing is kept in memory between pieces.
enum EventReader {
    /// Bytes of the file in one piece; as a message they stay below 512 KiB.
    static let pieceBytes = 192 << 10

    /// One piece.
    struct Piece {
        var events: [PlacedEvent]
        /// Where the next piece begins; where this one began when there is nothing whole to read.
        var end: Int

        /// The same, read from `start`, without the run's ending and what stands after it.
        func beforeEnding(from start: Int) -> Piece {
            guard let ending = events.firstIndex(where: \.event.isEnding) else { return self }
            let events = Array(events[..<ending])
            return Piece(events: events, end: events.last?.end ?? start)
        }
    }

    /// The next whole lines from `offset` on. A line longer than `Lines.longest` is skipped.
    static func piece(of path: String, from offset: Int) -> Piece {
        let nothing = Piece(events: [], end: offset)
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nothing }
        defer { close(descriptor) }
        let bytes = readBytes(descriptor, from: offset, limit: pieceBytes)
        if bytes.contains(newline) { return read(bytes, from: offset) }
        guard bytes.count == pieceBytes, let end = endOfLine(descriptor, from: offset + pieceBytes) else {
            return nothing
        }
        guard end - offset <= Lines.longest + 1 else { return Piece(events: [], end: end) }
        return read(readBytes(descriptor, from: offset, limit: end - offset), from: offset)
    }

    private static let newline = UInt8(ascii: "\n")

    private static func read(_ bytes: [UInt8], from offset: Int) -> Piece {
        let chunk = EventChunk(Data(bytes), from: offset)
        return Piece(events: chunk.events, end: chunk.end)
    }

    /// Offset after the next newline.
    private static func endOfLine(_ descriptor: Int32, from start: Int) -> Int? {
        var offset = start
        while true {
            let bytes = readBytes(descriptor, from: offset, limit: 1 << 20)
            if let index = bytes.firstIndex(of: newline) { return offset + index + 1 }
            if bytes.isEmpty { return nil }
            offset += bytes.count
        }
    }
}
