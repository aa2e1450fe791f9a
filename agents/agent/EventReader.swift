import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Wire

/// Reads an `events.jsonl` piece by piece. The file is the queue: nothing is kept in memory between pieces.
enum EventReader {
    /// Bytes of the file in one piece.
    static let pieceBytes = 192 << 10

    /// Whole lines, as they stand in the file.
    struct Piece {
        /// Where it begins in the file, and where the next piece begins: further than these bytes go where a line that
        /// is too long is skipped, and here where there is nothing whole to read.
        let start: Int
        var end: Int
        var bytes: ArraySlice<UInt8> = []

        var events: [PlacedEvent] { EventChunk(Array(bytes), from: start).events }

        /// The same, without the run's ending and what stands after it.
        var beforeEnding: Piece {
            var line = bytes.startIndex
            while line < bytes.endIndex, !bytes[line...].starts(with: RunEvent.beginningOfEnding) {
                line = (bytes[line...].firstIndex(of: newline) ?? bytes.endIndex - 1) + 1
            }
            guard line < bytes.endIndex else { return self }
            return Piece(start: start, end: start + line - bytes.startIndex, bytes: bytes[..<line])
        }
    }

    /// The next whole lines from `offset` on. A line longer than `Lines.longest` is skipped.
    static func piece(of path: String, from offset: Int) -> Piece {
        let nothing = Piece(start: offset, end: offset)
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nothing }
        defer { close(descriptor) }
        let bytes = readBytes(descriptor, from: offset, limit: pieceBytes)
        if let last = bytes.lastIndex(of: newline) {
            return Piece(start: offset, end: offset + last + 1, bytes: bytes[...last])
        }
        guard bytes.count == pieceBytes, let end = endOfLine(descriptor, from: offset + pieceBytes) else {
            return nothing
        }
        guard end - offset <= NewsReader.longestPiece else { return Piece(start: offset, end: end) }
        let line = readBytes(descriptor, from: offset, limit: end - offset)
        return Piece(start: offset, end: end, bytes: line[...])
    }

    private static let newline = UInt8(ascii: "\n")

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
