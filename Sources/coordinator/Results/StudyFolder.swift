import FleetModel
import Foundation
import Glibc
import Journal
import StudyCore

/// The folder of a study, `NAME/` beside its study file: where the journal and the results stand.
struct StudyFolder {
    let path: String

    var journal: String { path + "/study.sqlite" }
    /// Where the home of this machine's agent is noted, when the study begins.
    private var agentHomeNote: String { path + "/agent-home" }
    private var lock: String { path + "/study.lock" }
    private var stopRequest: String { path + "/stop-requested" }

    func stage(_ stage: Int) -> String { path + "/stage_\(stage)" }
    func trial(_ id: TrialID) -> String { stage(id.stage) + "/trial_\(id.number)" }

    /// The home of this machine's agent that the study was begun with; nil for a new study.
    var agentHome: String? {
        try? String(contentsOfFile: agentHomeNote, encoding: .utf8)
    }

    func note(agentHome: String) throws {
        try Data(agentHome.utf8).write(to: URL(fileURLWithPath: agentHomeNote), options: .atomic)
    }

    /// The study as its journal has it; nil where none was begun here.
    func recorded() throws -> Engine? {
        FileManager.default.fileExists(atPath: journal) ? try JournalReader(at: journal).restore() : nil
    }

    /// Another coordinator runs this study.
    struct Busy: Error, CustomStringConvertible {
        let description: String
    }

    /// Makes sure that this is the only coordinator of the study, until the process ends.
    func takeLock() throws {
        let file = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Busy(description: "\(lock): \(String(cString: strerror(errno)))") }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let pid = (try? String(contentsOfFile: lock, encoding: .utf8)) ?? "?"
            throw Busy(
                description: "another coordinator (process \(pid)) runs this study; "
                    + "`coordinator status \(path)` shows it, `coordinator stop \(path)` pauses it")
        }
        ftruncate(file, 0)
        _ = "\(getpid())".withCString { pwrite(file, $0, strlen($0), 0) }
    }

    /// Whether a coordinator runs this study now.
    var isLocked: Bool {
        let file = open(lock, O_RDWR | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        return flock(file, LOCK_EX | LOCK_NB) != 0
    }

    /// Asks the study's coordinator to pause; it looks several times a second.
    func requestStop() throws {
        try Data().write(to: URL(fileURLWithPath: stopRequest))
    }

    /// True once after a request.
    func takeStopRequest() -> Bool {
        unlink(stopRequest) == 0
    }

    private var retryRequests: String { path + "/retry-requests" }

    /// Asks the study's coordinator to run a trial once more. Each request is a file of its own.
    func requestRetry(_ request: RetryRequest) throws {
        try FileManager.default.createDirectory(atPath: retryRequests, withIntermediateDirectories: true)
        let name = UUID().uuidString + ".json"
        try ResultsJSON.encode(request).write(
            to: URL(fileURLWithPath: retryRequests + "/" + name), options: .atomic)
    }

    /// Each request once.
    func takeRetryRequests() -> [RetryRequest] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: retryRequests) else {
            return []
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return names.filter { $0.hasSuffix(".json") }.sorted().compactMap { name in
            let file = retryRequests + "/" + name
            let bytes = FileManager.default.contents(atPath: file)
            unlink(file)
            return bytes.flatMap { try? decoder.decode(RetryRequest.self, from: $0) }
        }
    }
}
