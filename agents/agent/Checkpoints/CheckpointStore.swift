import FleetModel
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

    init(_ home: Home) { self.init(home: home.path) }

    /// - Parameter home: of any agent whose files are seen here.
    init(home: String) {
        self.home = home
        runs = RunStore(root: home + "/runs")
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

    /// Its name here, which may be a link to the folder of another agent.
    func path(of key: Key) -> String { runs.checkpoint(key.checkpoint, of: key.study) }

    /// The folder with its files, without links.
    /// - Throws: where it is not here, or its name is a link to anything but that checkpoint of another agent.
    func place(of key: Key) throws -> String {
        let path = path(of: key)
        guard access(path, F_OK) == 0 else {
            throw AgentError("the checkpoint \(key.checkpoint) of \(key.study) is not on this node")
        }
        let place = absolute(path)
        guard !Self.isLink(path) || SharedCheckpoint(at: place, of: key) != nil else {
            throw AgentError(
                "\(path) leads to \(place), expected the folder of that checkpoint in the home of another agent of "
                    + "this user: nothing is read there; remove the link")
        }
        return place
    }

    /// Whether the checkpoint is here, where it may be read.
    func has(_ key: Key) -> Bool {
        let path = path(of: key)
        return Self.isLink(path) ? (try? place(of: key)) != nil : access(path, F_OK) == 0
    }

    private static func isLink(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    func incoming(_ key: Key) -> String { "\(home)/incoming/\(key.folder)" }

    private func place(ofRecord key: Key) -> String { "\(home)/manifests/\(key.folder)" }

    /// What is known of the checkpoint, hashed where it was not, or not as it is now.
    func record(of key: Key) throws -> ManifestRecord {
        let root = try place(of: key)
        if let known = knownRecord(of: key) { return known }
        let record = try ManifestRecord(hashing: root)
        try keep(record, of: key)
        return record
    }

    /// The record that was made, while the files are as they were.
    func knownRecord(of key: Key) -> ManifestRecord? {
        guard let record = ManifestRecord(at: place(ofRecord: key)),
            let tree = try? Tree(of: try place(of: key)),
            record.fits(tree)
        else { return nil }
        return record
    }

    func keep(_ record: ManifestRecord, of key: Key) throws {
        let place = place(ofRecord: key)
        try makeFolder(above: place)
        let draft = "\(place).\(getpid())"
        let file = try OpenFile(draft, O_WRONLY | O_CREAT | O_TRUNC)
        try writeAll(record.bytes, to: file.descriptor, as: "write \(draft)")
        try checked("rename \(draft)") { rename(draft, place) }
    }

    func makeFolder(above path: String) throws {
        try makeFolders(String(path[..<path.lastIndex(of: "/")!]))
    }

    /// What belongs to a checkpoint beside its folder, to be removed with it.
    func leftovers(of key: Key) -> [String] { [place(ofRecord: key), incoming(key)] }

    /// Every checkpoint of the study that lies here, the newest of each run last.
    func checkpoints(of study: StudyID) -> [Key] {
        runs.allRuns(of: study).flatMap { run -> [Key] in
            // Steps are not needed to find it.
            names(in: runs.folder(of: run).checkpoints).sorted()
                .compactMap { try? Key(study, Checkpoint(run: run.run, name: $0, step: 0)) }
                // A link to what another node has removed leads nowhere.
                .filter(has)
        }
    }

    /// Bytes free for this user where the home is.
    func freeBytes() throws -> Int {
        var status = statvfs()
        try checked("look at the disk of \(home)") { statvfs(home, &status) }
        return Int(status.f_bavail) * Int(status.f_frsize)
    }
}
