import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Wire

/// A checkpoint on its way to this node. What has come stands in `incoming/…/tree`, verified chunk by chunk,
/// and outlives this process; when nothing is missing it gets its name by one rename.
final class Arrival: Sendable {
    let manifest: Manifest
    private let store: CheckpointStore
    private let key: CheckpointStore.Key
    private let tree: String
    /// Held as long as this is, so that nobody else writes there.
    private let lock: Int32
    private let progress: Monitor<Progress>
    /// Entries that are the same files as in another checkpoint.
    private let linked = Monitor<Set<Int>>([])
    /// What came of copying chunks from other checkpoints; nil while that goes on.
    private let copied = Monitor<Result<Void, any Error>?>(.success(()))

    private struct Progress {
        var missing: ChunkSet
        /// By chunk, of those that are there.
        var checksums: [Checksum]

        mutating func note(_ chunk: Int, _ checksum: Checksum) {
            missing.remove(chunk)
            checksums[chunk] = checksum
        }
    }

    /// Takes up what an earlier attempt left.
    /// - Throws: with a sentence, also where the disk has too little room.
    init(of key: CheckpointStore.Key, _ manifest: Manifest, in store: CheckpointStore) throws {
        (self.store, self.key, self.manifest) = (store, key, manifest)
        let place = store.incoming(key)
        tree = place + "/tree"
        progress = Monitor(
            Progress(
                missing: ChunkSet(all: manifest.chunkCount),
                checksums: Array(repeating: Checksum(value: 0), count: manifest.chunkCount)))
        try makeFolders(place)
        guard let lock = try openLocked(place + "/lock", mode: 0o600) else {
            throw AgentError("\(key.checkpoint) is being received by another process already")
        }
        self.lock = lock
        try takeUpEarlier()
        try checkRoom()
        try makeFiles()
    }

    deinit { close(lock) }

    /// The chunks that are still to come, from afar or from other checkpoints.
    var missingChunks: ChunkSet { progress.use { $0.missing } }

    func has(_ chunk: Int) -> Bool { progress.use { !$0.missing.contains(chunk) } }

    /// The checksum of the bytes where they are what the manifest says of the chunk.
    func verify(_ chunk: Int, _ bytes: UnsafeRawBufferPointer) -> Checksum? {
        ChunkDigest(of: bytes) == manifest.digest(ofChunk: chunk) ? Checksum(of: bytes) : nil
    }

    /// Takes a chunk that was verified, here or when its checksum was taken.
    func write(_ chunk: Int, _ bytes: UnsafeRawBufferPointer, _ checksum: Checksum) throws {
        let place = manifest.place(ofChunk: chunk)
        let path = path(ofEntry: place.entry)
        let file = try OpenFile(path, O_WRONLY)
        try writeChunk(bytes, to: file.descriptor, at: place.offset, of: path)
        progress.use { $0.note(chunk, checksum) }
    }

    /// Makes an entry the same file as one of another checkpoint that has the same bytes and mode, and so these
    /// checksums; false where the file system does not do that.
    func link(_ entry: Int, to source: String, _ checksums: ArraySlice<Checksum>) -> Bool {
        let path = path(ofEntry: entry)
        unlink(path)
        guard Glibc.link(source, path) == 0 else {
            _ = try? makeFile(entry)
            return false
        }
        let chunks = manifest.chunks(ofEntry: entry)
        progress.use { for (chunk, checksum) in zip(chunks, checksums) { $0.note(chunk, checksum) } }
        linked.use { _ = $0.insert(entry) }
        return true
    }

    // MARK: Other checkpoints

    /// Makes what other checkpoints of the study have the same files, and begins to copy single chunks of them: of a
    /// large checkpoint that takes a while, in which the rest may come. Answers the rest.
    func beginCopying() throws -> ChunkSet {
        let copies = try BasisSearch(for: self, key, in: store).run()
        var rest = missingChunks
        for chunk in copies.lazy.flatMap(\.chunks) { rest.remove(chunk) }
        copied.use { $0 = nil }
        onOwnThread { [self] in
            let result = Result {
                try inParallel(copies.count, threads: storageThreads, bufferSize: Manifest.chunkSize) {
                    [self] number, buffer in try copies[number].run(into: self, through: buffer)
                }
            }
            copied.use { $0 = result }
        }
        return rest
    }

    private func path(ofEntry entry: Int) -> String { "\(tree)/\(manifest.entries[entry].path)" }

    // MARK: Beginning

    /// Keeps the chunks of an earlier attempt that are right. A file that is linked into another checkpoint is
    /// let go: nothing is ever written into it.
    private func takeUpEarlier() throws {
        let chunks = manifest.entries.indices.flatMap { entry -> [Int] in
            var status = stat()
            let path = path(ofEntry: entry)
            guard case .file = manifest.entries[entry].kind, lstat(path, &status) == 0 else { return [] }
            guard status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1 else {
                unlink(path)
                return []
            }
            let length = Int(status.st_size)
            return manifest.chunks(ofEntry: entry).filter {
                let place = manifest.place(ofChunk: $0)
                return place.offset + place.length <= length
            }
        }
        try inParallel(chunks.count, threads: storageThreads, bufferSize: Manifest.chunkSize) {
            [self] number, buffer in
            let place = manifest.place(ofChunk: chunks[number])
            let file = try OpenFile(path(ofEntry: place.entry), O_RDONLY)
            // Most of a file that was cut off is a hole.
            let data = lseek(file.descriptor, off_t(place.offset), Self.seekData)
            guard data >= 0, data < place.offset + place.length,
                try readChunk(file.descriptor, at: place.offset, count: place.length, into: buffer),
                let checksum = verify(
                    chunks[number], UnsafeRawBufferPointer(rebasing: buffer[..<place.length]))
            else { return }
            progress.use { $0.note(chunks[number], checksum) }
        }
    }

    /// SEEK_DATA of <unistd.h>, hidden from Swift behind _GNU_SOURCE.
    private static let seekData: Int32 = 3

    private func checkRoom() throws {
        let (needed, free) = (
            missingChunks.reduce(0) { $0 + manifest.place(ofChunk: $1).length }, try store.freeBytes()
        )
        guard needed + Self.reserve <= free else {
            throw AgentError(
                "the checkpoint needs \(needed >> 20) MiB more and the disk of \(store.home) has "
                    + "\(free >> 20) MiB free: make room there")
        }
    }

    /// Left free for the logs and events of the runs. Bytes.
    private static let reserve = 16 << 20

    private func makeFiles() throws {
        try makeFolders(tree)
        for (index, entry) in manifest.entries.enumerated() {
            switch entry.kind {
            case .folder:
                let path = path(ofEntry: index)
                if mkdir(path, 0o700) != 0, errno != EEXIST { throw SystemError("make \(path)") }
            case .file: try makeFile(index)
            case .link: unlink(path(ofEntry: index))
            }
        }
    }

    private func makeFile(_ entry: Int) throws {
        guard case .file(let size, _) = manifest.entries[entry].kind else { return }
        let path = path(ofEntry: entry)
        let file = try OpenFile(path, O_WRONLY | O_CREAT)
        try checked("cut \(path)") { ftruncate(file.descriptor, off_t(size)) }
    }

    // MARK: The end

    /// Gives the checkpoint its name once all is copied that can be. All its bytes are on the disk then, and survive a
    /// loss of power. Answers the chunks that are missing, where some are and nothing was done: those that could not
    /// be read in other checkpoints, or are not what the manifest says.
    func publish() throws -> ChunkSet {
        try copied.wait { $0 }.get()
        let missing = missingChunks
        guard missing.isEmpty else { return missing }
        let linked = linked.use { $0 }
        for (index, entry) in manifest.entries.enumerated().reversed() {
            let path = path(ofEntry: index)
            switch entry.kind {
            case .file where linked.contains(index): break
            case .file:
                let file = try OpenFile(path, O_RDONLY)
                try checked("protect \(path)") { fchmod(file.descriptor, mode_t(entry.mode)) }
                try checked("save \(path)") { fsync(file.descriptor) }
            case .link(let target): try checked("make the link \(path)") { symlink(target, path) }
            case .folder: break
            }
        }
        for (index, entry) in manifest.entries.enumerated().reversed() where entry.kind == .folder {
            try checked("protect \(entry.path)") { chmod(path(ofEntry: index), mode_t(entry.mode)) }
        }
        try removeStrangers()
        try store.publish(tree, as: key, manifest, progress.use { $0.checksums })
        try? FileManager.default.removeItem(atPath: store.incoming(key))
        return missing
    }

    /// Files of an earlier attempt at another content.
    private func removeStrangers() throws {
        let known = Set(manifest.entries.map { Array($0.path.utf8) })
        for item in try Tree(of: tree).items.reversed() where !known.contains(Array(item.path.utf8)) {
            try checked("remove \(item.path)") { remove("\(tree)/\(item.path)") }
        }
    }
}

extension CheckpointStore {
    /// Moves a whole tree to the checkpoint's place, where an older one of that name makes way.
    fileprivate func publish(
        _ tree: String, as key: Key, _ manifest: Manifest, _ checksums: [Checksum]
    ) throws {
        let target = path(of: key)
        try makeFolder(above: target)
        let found = try Tree(of: tree)
        removeDeadLink(target)
        // What cannot be removed keeps its place, and then renaming says why it does not work.
        if access(target, F_OK) == 0 { try? FileManager.default.removeItem(atPath: target) }
        try checked("rename \(tree) to \(target)") { rename(tree, target) }
        let parent = try OpenFile(String(target[..<target.lastIndex(of: "/")!]), O_RDONLY | O_DIRECTORY)
        try checked("save \(target)") { fsync(parent.descriptor) }
        let record = ManifestRecord(
            manifest: manifest, signatures: found.signatures, checksums: checksums)
        if record.fits(found) { try keep(record, of: key) }
    }

    /// Makes the checkpoint a link to that of another agent, which is seen here. False where it is not, or is
    /// another: then its bytes are to be moved.
    func share(_ seen: SharedPlace, as key: Key, _ manifest: Manifest) throws -> Bool {
        guard let other = SharedCheckpoint(at: seen.path, of: key), other.isProven(by: seen),
            let record = try? other.record(), record.manifest == manifest
        else { return false }
        let target = path(of: key)
        try makeFolder(above: target)
        removeDeadLink(target)
        guard symlink(other.path, target) == 0 else { return false }
        // Without it the files are only hashed once more.
        try? keep(record, of: key)
        return true
    }

    /// Removes a link that leads nowhere any more.
    private func removeDeadLink(_ path: String) {
        if access(path, F_OK) != 0 { unlink(path) }
    }
}

/// Numbers of chunks, one bit each.
struct ChunkSet: Sequence, Sendable {
    private(set) var bytes: [UInt8]
    private(set) var count: Int

    /// All numbers below `count`.
    init(all count: Int) {
        bytes = Array(repeating: 0xff, count: (count + 7) / 8)
        if count % 8 != 0 { bytes[count / 8] = UInt8((1 << (count % 8)) - 1) }
        self.count = count
    }

    var isEmpty: Bool { count == 0 }

    func contains(_ number: Int) -> Bool { bytes[number / 8] & (1 << UInt8(number % 8)) != 0 }

    mutating func remove(_ number: Int) {
        guard contains(number) else { return }
        bytes[number / 8] &= ~(1 << UInt8(number % 8))
        count -= 1
    }

    func makeIterator() -> some IteratorProtocol<Int> {
        bytes.indices.lazy.flatMap { index in
            (0..<8).lazy.filter { bit in bytes[index] & (1 << UInt8(bit)) != 0 }.map { index * 8 + $0 }
        }.makeIterator()
    }
}
