import FoundationEssentials
import Glibc
import Wire

/// A trial folder's `events.jsonl`, open for appending by who holds the folder's lock.
struct EventLog: ~Copyable {
    /// What earlier processes wrote.
    let earlier: [RunEvent]
    private let descriptor: Int32
    private var size: Int

    /// Opens or creates the file and cuts off a last line that a crash left unfinished.
    init(of folder: TrialFolder) throws(POSIXFault) {
        descriptor = open(folder.events, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw POSIXFault("open \(folder.events)") }
        let chunk = EventChunk(FileManager.default.contents(atPath: folder.events) ?? Data(), from: 0)
        guard ftruncate(descriptor, chunk.end) == 0 else { throw POSIXFault("truncate \(folder.events)") }
        earlier = chunk.events.map(\.event)
        size = chunk.end
    }

    deinit {
        close(descriptor)
    }

    /// Appends one line by one `write`. A line that did not fit (the disk is full) is taken back, so that the
    /// file always ends in a whole line.
    mutating func append(_ event: RunEvent) throws {
        let line = Array(try Lines.encode(event))
        let count = write(descriptor, line, line.count)
        guard count == line.count else {
            let fault = POSIXFault("write to events.jsonl", code: count < 0 ? errno : ENOSPC)
            ftruncate(descriptor, size)
            throw fault
        }
        size += count
    }
}
