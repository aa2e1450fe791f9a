import FoundationEssentials
import Glibc
package import Wire

/// A trial folder's `events.jsonl`, open for appending by who holds the folder's lock.
package struct EventLog: ~Copyable {
    /// What earlier processes wrote.
    package let earlier: EventTail
    private let descriptor: Int32
    private var size: Int

    /// Opens or creates the file and cuts off a last line that a crash left unfinished.
    package init(of folder: TrialFolder) throws(SystemError) {
        let file = try checked("open \(folder.events)") {
            open(folder.events, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        }
        let tail = EventTail(path: folder.events)
        do throws(SystemError) {
            try checked("cut \(folder.events)") { ftruncate(file, off_t(tail.end)) }
        } catch {
            close(file)
            throw error
        }
        (descriptor, earlier, size) = (file, tail, tail.end)
    }

    deinit {
        close(descriptor)
    }

    /// Appends one line by one `write`. A line that did not fit (the disk is full) is taken back, so that the
    /// file always ends in a whole line.
    package mutating func append(_ event: RunEvent) throws {
        let line = try Lines.encode(event)
        let file = descriptor
        let count = line.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        guard count == line.count else {
            let fault = SystemError("write to events.jsonl", code: count < 0 ? errno : ENOSPC)
            ftruncate(descriptor, off_t(size))
            throw fault
        }
        size += count
    }

    /// What was appended outlives the node's power.
    package func save() throws(SystemError) {
        let file = descriptor
        try checked("save events.jsonl") { fsync(file) }
    }
}

/// The end of an `events.jsonl`.
package struct EventTail: Hashable {
    /// Offset after the last whole line; 0 where there is none.
    package private(set) var end = 0
    /// The event on that line; nil where there is none, or it is no event.
    package private(set) var last: RunEvent?

    package var hasStarted: Bool { end > 0 }
    package var hasEnded: Bool { last?.isEnding ?? false }

    package init(path: String) {
        // Most last lines are short; one of a megabyte is legal.
        var limit = 1 << 12
        while let (bytes, start) = endOfFile(path, limit: limit) {
            limit *= 16
            guard let newline = bytes.lastIndex(of: UInt8(ascii: "\n")) else {
                if start == 0 { return }
                continue
            }
            end = start + newline + 1
            let before = bytes[..<newline].lastIndex(of: UInt8(ascii: "\n"))
            if before == nil, start > 0 { continue }
            last = try? Lines.decode(RunEvent.self, from: Data(bytes[(before.map { $0 + 1 } ?? 0)..<newline]))
            return
        }
    }
}
