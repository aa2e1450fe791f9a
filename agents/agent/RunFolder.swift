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

    /// Whether somebody who has read `events.jsonl` up to `offset` can go on there. Not so where the machine
    /// lost its power and the file its last lines.
    func aLineEnds(at offset: Int) -> Bool {
        guard offset > 0 else { return true }
        let descriptor = open(events, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return readBytes(descriptor, from: offset - 1, limit: 1) == [UInt8(ascii: "\n")]
    }

    /// For how long a stop order has been here, in seconds; nil where there is none.
    var stopAge: Double? {
        var status = Glibc.stat()
        guard stat(stop, &status) == 0 else { return nil }
        return max(0, Double(time(nil) - status.st_mtim.tv_sec))
    }

    /// The last lines that plugin and trainer wrote to stderr, oldest first, at most 20.
    func lastErrorLines() -> [String] {
        guard let (bytes, _) = endOfFile(stderr, limit: 1 << 14) else { return [] }
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
        return lines.suffix(20).map { String($0.prefix(1_000)) }
    }

    /// Writes the last event of a run whose plugin is gone, after cutting off a line that the plugin did
    /// not finish. Whoever calls this holds `lock`.
    func append(_ event: RunEvent) throws {
        var log = try EventLog(of: self)
        try log.append(event)
        try log.save()
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
    func runs(of study: StudyID) -> [RunKey] { allRuns(of: study).filter { folder(of: $0).hasSpec } }

    /// Those too whose folder holds nothing but checkpoints that came from other nodes.
    func allRuns(of study: StudyID) -> [RunKey] {
        let base = "\(root)/\(study)"
        return numbers("stage_", in: base).flatMap { stage in
            numbers("trial_", in: "\(base)/stage_\(stage)").flatMap { trial in
                numbers("run_", in: "\(base)/stage_\(stage)/trial_\(trial)").map { attempt in
                    RunKey(
                        study: study,
                        run: RunID(trial: TrialID(stage: stage, number: trial), attempt: attempt))
                }
            }
        }
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
