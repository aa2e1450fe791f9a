import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Wire

/// What a trial folder tells, and the few things that an agent writes into it.
extension TrialFolder {
    /// The spec; nil where the folder has none (its launch was cut off) or it is unreadable.
    func readSpec() -> RunSpec? {
        contents(spec).flatMap { try? Lines.decode(RunSpec.self, from: Data($0)) }
    }

    var hasSpec: Bool { access(spec, F_OK) == 0 }

    /// For how long a stop order has been here, in seconds; nil where there is none.
    var stopAge: Double? {
        var status = Glibc.stat()
        guard stat(stop, &status) == 0 else { return nil }
        return max(0, Double(time(nil) - status.st_mtim.tv_sec))
    }

    /// What `events.jsonl` tells at its end.
    func readTail() -> EventTail { EventTail(path: events) }

    /// The last lines that plugin and trainer wrote to stderr, oldest first, at most 20.
    func lastErrorLines() -> [String] {
        guard let (bytes, _) = endOfFile(stderr, limit: 1 << 14) else { return [] }
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
        return lines.suffix(20).map { String($0.prefix(1_000)) }
    }

    /// Writes the last event of a run whose plugin is gone, after cutting off a line that the plugin did
    /// not finish. Whoever calls this holds `lock`.
    func append(_ event: RunEvent) throws {
        let end = readTail().end
        let line = try Lines.encode(event)
        let descriptor = try checked("open \(events)") {
            open(events, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        }
        defer { close(descriptor) }
        try checked("cut \(events)") { ftruncate(descriptor, off_t(end)) }
        try writeAll(line, to: descriptor, at: end, path: events)
        try checked("save \(events)") { fsync(descriptor) }
    }

    /// Writes a whole file under a temporary name and renames it to `path`.
    func publish(_ value: some Encodable, at path: String) throws {
        let temporary = path + ".new"
        let descriptor = try checked("write \(temporary)") {
            open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        }
        defer { close(descriptor) }
        try writeAll(try Lines.encode(value), to: descriptor, at: 0, path: temporary)
        try checked("save \(temporary)") { fsync(descriptor) }
        try checked("rename \(temporary)") { rename(temporary, path) }
    }
}

private func writeAll(_ data: Data, to descriptor: Int32, at offset: Int, path: String) throws {
    var written = 0
    while written < data.count {
        written += try checked("write \(path)") {
            data.withUnsafeBytes {
                pwrite(
                    descriptor, $0.baseAddress! + written, data.count - written, off_t(offset + written))
            }
        }
    }
}

/// The last `limit` bytes of a file and the offset where they begin; nil where it cannot be read.
func endOfFile(_ path: String, limit: Int) -> (bytes: [UInt8], start: Int)? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    let size = Int(lseek(descriptor, 0, SEEK_END))
    let start = max(0, size - limit)
    return (readBytes(descriptor, from: start, limit: size - start), start)
}

/// At most `limit` bytes from `offset` on; fewer only at the end of the file.
func readBytes(_ descriptor: Int32, from offset: Int, limit: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: limit) { buffer, size in
        while size < limit {
            let count = pread(descriptor, buffer.baseAddress! + size, limit - size, off_t(offset + size))
            if count > 0 { size += count } else if count == 0 || errno != EINTR { return }
        }
    }
}

/// The end of an `events.jsonl`.
struct EventTail: Hashable {
    /// Offset after the last whole line; 0 where there is none.
    var end = 0
    /// The event on that line; nil where there is none, or it is no event.
    var last: RunEvent?

    var hasStarted: Bool { end > 0 }
    var hasEnded: Bool { if case .ended = last { true } else { false } }

    init(path: String) {
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

/// The trial folders below an agent's `runs/`.
struct RunStore {
    /// Absolute, without links, without a slash at the end.
    let root: String

    func folder(of key: RunKey) -> TrialFolder { TrialFolder(path: "\(root)/\(key.folder)") }

    func checkpoint(_ checkpoint: Checkpoint, of study: StudyID) -> String {
        folder(of: RunKey(study: study, run: checkpoint.run)).checkpoints + "/" + checkpoint.name
    }

    var studies: [StudyID] { names(in: root).compactMap(StudyID.init(rawValue:)) }

    /// Every run of the study that has a spec, sorted.
    func runs(of study: StudyID) -> [RunKey] {
        let base = "\(root)/\(study)"
        return numbers("stage_", in: base).flatMap { stage in
            numbers("trial_", in: "\(base)/stage_\(stage)").flatMap { trial in
                numbers("run_", in: "\(base)/stage_\(stage)/trial_\(trial)").map { attempt in
                    RunKey(
                        study: study,
                        run: RunID(trial: TrialID(stage: stage, number: trial), attempt: attempt))
                }
            }
        }.filter { folder(of: $0).hasSpec }
    }

    private func numbers(_ prefix: String, in folder: String) -> [Int] {
        names(in: folder).compactMap { name in
            guard name.hasPrefix(prefix), let number = Int(name.dropFirst(prefix.count)), number >= 0,
                name == "\(prefix)\(number)"
            else { return nil }
            return number
        }.sorted()
    }
}

/// A trial folder's `lock`, held open to ask again and again whether the run lives.
final class RunLock {
    private let descriptor: Int32
    private var isMine = false

    init(_ folder: TrialFolder) throws(SystemError) {
        descriptor = try checked("open \(folder.lock)") {
            open(folder.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        }
    }

    deinit { close(descriptor) }

    /// Takes the lock if nobody has it; true when it is ours now. It stays ours until `release`.
    func take() -> Bool {
        if !isMine { isMine = flock(descriptor, LOCK_EX | LOCK_NB) == 0 }
        return isMine
    }

    func release() {
        _ = flock(descriptor, LOCK_UN)
        isMine = false
    }
}
