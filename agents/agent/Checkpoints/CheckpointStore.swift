import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Wire

/// The checkpoints below an agent's home. They lie in the trial folders, each under the run that wrote it,
/// whichever node that was; their bytes are there once. Beside them, in folders of the same names:
///
///     manifests/  what was hashed, with the files' signatures, so that nothing is hashed twice
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

    private func record(of key: Key) -> String { "\(home)/manifests/\(key.folder)" }

    /// The checkpoint's manifest, hashed where it was not, or not as it is now.
    func manifest(of key: Key) throws -> Manifest {
        let root = path(of: key)
        guard access(root, F_OK) == 0 else {
            throw AgentError("the checkpoint \(key.checkpoint) of \(key.study) is not on this node")
        }
        if let known = knownManifest(of: key) { return known }
        let (manifest, signatures) = try Manifest.hashing(root)
        try keep(manifest, signatures, of: key)
        return manifest
    }

    /// The manifest that was made, while the files are as they were.
    func knownManifest(of key: Key) -> Manifest? {
        guard let record = ManifestRecord(at: record(of: key)), let tree = try? Tree(of: path(of: key)),
            record.manifest.fits(tree, record.signatures)
        else { return nil }
        return record.manifest
    }

    func keep(_ manifest: Manifest, _ signatures: [FileSignature], of key: Key) throws {
        let place = record(of: key)
        try makeFolder(above: place)
        let draft = "\(place).\(getpid())"
        try Data(ManifestRecord(manifest: manifest, signatures: signatures).bytes)
            .write(to: URL(filePath: draft))
        try checked("rename \(draft)") { rename(draft, place) }
    }

    func makeFolder(above path: String) throws {
        let parent = String(path[..<path.lastIndex(of: "/")!])
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
    }

    /// What belongs to a checkpoint beside its folder, to be removed with it.
    func leftovers(of key: Key) -> [String] { [record(of: key), incoming(key)] }

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

/// A manifest on disk: for each file 24 bytes of signature, big-endian, and then the manifest.
struct ManifestRecord {
    let manifest: Manifest
    let signatures: [FileSignature]

    init(manifest: Manifest, signatures: [FileSignature]) {
        (self.manifest, self.signatures) = (manifest, signatures)
    }

    /// nil where there is none, or it is damaged: then it is made anew.
    init?(at path: String) {
        guard let bytes = contents(path), bytes.count >= 8 else { return nil }
        func number(_ index: Int) -> Int {
            bytes[(index * 8)..<(index * 8 + 8)].reduce(0) { $0 << 8 | Int($1) }
        }
        let count = number(0)
        guard count >= 0, count <= bytes.count / 24, bytes.count >= 8 + 24 * count,
            let manifest = try? Manifest(bytes: Array(bytes[(8 + 24 * count)...]))
        else { return nil }
        self.manifest = manifest
        signatures = (0..<count).map { index in
            FileSignature(
                size: number(1 + 3 * index), inode: UInt64(bitPattern: Int64(number(2 + 3 * index))),
                modified: number(3 + 3 * index))
        }
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        func add(_ number: UInt64) {
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(shift)))
            }
        }
        add(UInt64(signatures.count))
        for signature in signatures {
            add(UInt64(signature.size))
            add(signature.inode)
            add(UInt64(bitPattern: Int64(signature.modified)))
        }
        return bytes + manifest.bytes
    }
}
