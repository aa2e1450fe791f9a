import FleetModel
import Glibc
import Spawn
import Wire

/// A checkpoint in the home of another agent, on a file system that this one sees too.
///
/// Where it is, a request says, and whoever has the coordinator's key may say anything: a link to a wrong place would
/// hand out files that are no checkpoint's. So a link is made only where
/// - the place is `HOME/runs/STUDY/…/checkpoints/NAME` of this very checkpoint, without any link or `..` on the way,
/// - that home is this user's and nobody else may write there, as `Home` makes it,
/// - the probe lies in that same home, and
/// - the files are, by their digests, what the manifest says: who names a place learns nothing that it did not know.
///
/// The first two hold again whenever such a link is followed: what is behind it may have changed since.
struct SharedCheckpoint {
    let path: String
    /// The other agent's.
    let home: String
    private let key: CheckpointStore.Key

    /// nil where there is no such checkpoint, or anyone else may have made it.
    init?(at path: String, of key: CheckpointStore.Key) {
        let below = RunStore(root: "/runs").checkpoint(key.checkpoint, of: key.study)
        let home = String(decoding: path.utf8.dropLast(below.utf8.count), as: UTF8.self)
        guard home.utf8.first == UInt8(ascii: "/"), path.utf8.elementsEqual((home + below).utf8),
            let real = realpath(path, nil)
        else { return nil }
        defer { free(real) }
        guard String(cString: real).utf8.elementsEqual(path.utf8), Self.isOwn(home) else { return nil }
        (self.path, self.home, self.key) = (path, home, key)
    }

    /// Whether a folder is this user's, who alone may write there.
    private static func isOwn(_ folder: String) -> Bool {
        var status = stat()
        return lstat(folder, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
            && status.st_uid == geteuid() && status.st_mode & 0o022 == 0
    }

    /// The name of a file in a home by which another node can tell whether it looks at the same file system.
    static func probe(_ word: String, in home: String) -> String {
        "\(home)/\(CheckpointOffer.probePrefix)\(word)"
    }

    /// Whether the probe is the one that the agent of this home, or one that reads here, has just made.
    func isProven(by seen: SharedPlace) -> Bool {
        guard FolderName.isSafe(seen.word), seen.probe == Self.probe(seen.word, in: home),
            let file = try? OpenFile(seen.probe, O_RDONLY | O_NONBLOCK)
        else { return false }
        var status = stat()
        guard fstat(file.descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return false }
        return readBytes(file.descriptor, from: 0, limit: 256).elementsEqual(seen.word.utf8)
    }

    /// What is in it: as its own agent has hashed it, unless a file has changed since; else hashed now.
    func record() throws -> ManifestRecord {
        try CheckpointStore(home: home).knownRecord(of: key) ?? ManifestRecord(hashing: path)
    }
}
