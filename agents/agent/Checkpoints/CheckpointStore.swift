import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Wire

/// The checkpoints below an agent's home. They lie in the trial folders, each under the run that wrote it,
/// whichever node that was; their bytes are there once. Beside them, in folders of the same names:
///
///     manifests/  what was hashed, with the files' signatures and checksums, so that nothing is hashed twice
///     incoming/   what is being received; it stays until it is whole or the checkpoint is removed
struct CheckpointStore: Sendable {
    /// The agent's home, absolute.
    let home: String
    let runs: RunStore

    init(_ home: Home) {
        self.home = home.path
        runs = RunStore(root: home.runs)
    }

    /// One checkpoint of a study.
    struct Key: Hashable, Sendable {
        let study: StudyID
        let checkpoint: Checkpoint

        /// - Throws: where its name could leave its folder.
        init(_ study: StudyID, _ checkpoint: Checkpoint) throws {
            guard FolderName.isSafe(checkpoint.name) else {
                throw AgentError("the checkpoint's name \"\(checkpoint.name)\" is no folder name")
            }
            (self.study, self.checkpoint) = (study, checkpoint)
        }

        fileprivate var folder: String {
            RunKey(study: study, run: checkpoint.run).folder + "/" + checkpoint.name
        }
    }

    func path(of key: Key) -> String { runs.checkpoint(key.checkpoint, of: key.study) }

    func incoming(_ key: Key) -> String { "\(home)/incoming/\(key.folder)" }

    private func place(ofRecord key: Key) -> String { "\(home)/manifests/\(key.folder)" }

    /// What is known of the checkpoint, hashed where it was not, or not as it is now.
    func record(of key: Key) throws -> ManifestRecord {
        let root = path(of: key)
        guard access(root, F_OK) == 0 else {
            throw AgentError("the checkpoint \(key.checkpoint) of \(key.study) is not on this node")
        }
        if let known = knownRecord(of: key) { return known }
        let record = try ManifestRecord(hashing: root)
        try keep(record, of: key)
        return record
    }

    /// The record that was made, while the files are as they were.
    func knownRecord(of key: Key) -> ManifestRecord? {
        guard let record = ManifestRecord(at: place(ofRecord: key)), let tree = try? Tree(of: path(of: key)),
            record.fits(tree)
        else { return nil }
        return record
    }

    func keep(_ record: ManifestRecord, of key: Key) throws {
        let place = place(ofRecord: key)
        try makeFolder(above: place)
        let draft = "\(place).\(getpid())"
        try Data(record.bytes).write(to: URL(filePath: draft))
        try checked("rename \(draft)") { rename(draft, place) }
    }

    func makeFolder(above path: String) throws {
        let parent = String(path[..<path.lastIndex(of: "/")!])
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
    }

    /// What belongs to a checkpoint beside its folder, to be removed with it.
    func leftovers(of key: Key) -> [String] { [place(ofRecord: key), incoming(key)] }

    /// Every checkpoint of the study that lies here, the newest of each run last.
    func checkpoints(of study: StudyID) -> [Key] {
        runs.allRuns(of: study).flatMap { run -> [Key] in
            let folder = runs.folder(of: run).checkpoints
            // A link to what another node has removed leads nowhere.
            return names(in: folder).sorted().filter { access("\(folder)/\($0)", F_OK) == 0 }
                // Steps are not needed to find it.
                .compactMap { try? Key(study, Checkpoint(run: run.run, name: $0, step: 0)) }
        }
    }

    /// Bytes free for this user where the home is.
    func freeBytes() throws -> Int {
        var status = statvfs()
        try checked("look at the disk of \(home)") { statvfs(home, &status) }
        return Int(status.f_bavail) * Int(status.f_frsize)
    }
}
