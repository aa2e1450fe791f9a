import FleetModel
import Glibc
import Spawn
import Wire

/// A checkpoint of this node that another one reads.
final class CheckpointOffer {
    let manifest: Manifest
    let place: SharedPlace
    private let root: String

    init(of key: CheckpointStore.Key, in store: CheckpointStore) throws {
        root = try store.place(of: key)
        manifest = try store.record(of: key).manifest
        let word = String(UInt64.random(in: 0...UInt64.max), radix: 36)
        // With each offer another file, so that a copied home is not taken for a shared one.
        // Who reads it wants it in the home in which the files are. Where that is another agent's and cannot be
        // written, it is of no use, and the bytes are moved.
        let home = SharedCheckpoint(at: root, of: key)?.home ?? store.home
        let probe = (try? Self.makeProbe(word, in: home)) ?? SharedCheckpoint.probe(word, in: store.home)
        place = SharedPlace(path: root, probe: probe, word: word)
    }

    private static func makeProbe(_ word: String, in home: String) throws -> String {
        let path = SharedCheckpoint.probe(word, in: home)
        let file = try OpenFile(path, O_WRONLY | O_CREAT | O_EXCL)
        try writeAll(Array(word.utf8), to: file.descriptor, as: "write \(path)")
        return path
    }

    deinit { unlink(place.probe) }

    /// Begins the names of files by which another node can tell whether it looks at the same file system.
    static let probePrefix = "probe."

    /// Sends chunks, one behind the other. That they are right is verified where they arrive.
    func send(_ first: Int, _ count: Int, to output: BulkOutput) throws {
        guard first >= 0, count > 0, first <= manifest.chunkCount - count else {
            throw AgentError("\(count) chunks from \(first) on are asked for, of \(manifest.chunkCount)")
        }
        let chunks = first..<first + count
        let files = try openFiles(of: chunks)
        try output.say(.bytes(count: manifest.length(ofChunks: chunks)))
        for (file, offset, length) in files {
            try output.send(length, of: file.descriptor, from: offset)
        }
    }

    /// What of each file is wanted. Opened before anything is said, so that a file that is gone is a refusal.
    private func openFiles(of chunks: Range<Int>) throws -> [(OpenFile, offset: Int, length: Int)] {
        var files: [(OpenFile, offset: Int, length: Int)] = []
        var last = -1
        for chunk in chunks {
            let place = manifest.place(ofChunk: chunk)
            if place.entry == last {
                files[files.count - 1].length += place.length
            } else {
                let file = try OpenFile("\(root)/\(manifest.entries[place.entry].path)", O_RDONLY)
                files.append((file, place.offset, place.length))
                last = place.entry
            }
        }
        return files
    }
}
