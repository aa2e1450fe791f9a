import FleetModel
import Glibc
import Spawn

/// Finds what other checkpoints of the study have of one that arrives. Whole files become the same file, single
/// chunks are to be copied.
struct BasisSearch {
    private let arrival: Arrival
    private let key: CheckpointStore.Key
    private let store: CheckpointStore
    private var manifest: Manifest { arrival.manifest }

    init(for arrival: Arrival, _ key: CheckpointStore.Key, in store: CheckpointStore) {
        (self.arrival, self.key, self.store) = (arrival, key, store)
    }

    /// Looks through the study's checkpoints, the latest first, until nothing is missing that is not found. The files
    /// that are copied into take turns.
    func run() throws -> [ChunkCopy] {
        var copies: [ChunkCopy] = []
        var open = Array(arrival.missingChunks)
        for other in store.checkpoints(of: key.study).reversed() where !open.isEmpty {
            guard store.path(of: other) != store.path(of: key), let basis = try? basis(other) else {
                continue
            }
            linkFiles(of: basis, at: store.path(of: other))
            open = open.filter { !arrival.has($0) }
            let found = chunks(open, of: basis, at: store.path(of: other))
            let planned = Set(found.flatMap(\.chunks))
            open.removeAll(where: planned.contains)
            copies += found
        }
        return inTurn(copies)
    }

    /// Each file's first copy, each one's second, and so on: threads that write into one file spin in the kernel until
    /// it is their turn.
    private func inTurn(_ copies: [ChunkCopy]) -> [ChunkCopy] {
        var before: [Int: Int] = [:]
        let places = copies.map { copy in
            let file = manifest.place(ofChunk: copy.chunks[0]).entry
            before[file, default: 0] += 1
            return (turn: before[file]!, file: file, copy: copy)
        }
        return places.sorted { ($0.turn, $0.file) < ($1.turn, $1.file) }.map(\.copy)
    }

    /// What is known of the other. It is hashed for this where it has files like those that are missing; else
    /// reading them would be for nothing.
    private func basis(_ other: CheckpointStore.Key) throws -> ManifestRecord? {
        if let known = store.knownRecord(of: other) { return known }
        let sizes = Dictionary(
            manifest.entries.compactMap { entry -> (String, Int)? in
                guard case .file(let size, _) = entry.kind else { return nil }
                return (entry.path, size)
            }
        ) { first, _ in first }
        let isAlike = try Tree(of: store.path(of: other)).items.contains { item in
            guard case .file(let signature) = item.kind else { return false }
            return signature.size > 0 && sizes[item.path] == signature.size
        }
        return isAlike ? try store.record(of: other) : nil
    }

    private func linkFiles(of record: ManifestRecord, at root: String) {
        let basis = record.manifest
        var files: [Int: [Int]] = [:]
        for (index, entry) in basis.entries.enumerated() {
            if case .file(let size, _) = entry.kind, size > 0 { files[size, default: []].append(index) }
        }
        for (index, entry) in manifest.entries.enumerated() {
            guard case .file(let size, _) = entry.kind,
                manifest.chunks(ofEntry: index).contains(where: { !arrival.has($0) }),
                let same = files[size]?.first(where: {
                    basis.entries[$0].kind == entry.kind && basis.entries[$0].mode == entry.mode
                })
            else { continue }
            _ = arrival.link(
                index, to: "\(root)/\(basis.entries[same].path)",
                record.checksums[basis.chunks(ofEntry: same)])
        }
    }

    private func chunks(_ missing: [Int], of record: ManifestRecord, at root: String) -> [ChunkCopy] {
        let basis = record.manifest
        let wanted = Dictionary(grouping: missing) { manifest.digest(ofChunk: $0) }
        return (0..<basis.chunkCount).compactMap { chunk in
            wanted[basis.digest(ofChunk: chunk)].map { chunks in
                let place = basis.place(ofChunk: chunk)
                return ChunkCopy(
                    path: "\(root)/\(basis.entries[place.entry].path)", offset: place.offset,
                    length: place.length, checksum: record.checksums[chunk], chunks: chunks)
            }
        }
    }
}

/// Some bytes of another checkpoint that are to be chunks of one that arrives.
struct ChunkCopy {
    let path: String
    let offset: Int
    let length: Int
    /// Of the bytes when they were verified.
    let checksum: Checksum
    /// Numbers of the chunks there.
    let chunks: [Int]

    /// A checkpoint that is removed meanwhile, or damaged, is no fault: its chunks are still missing then.
    /// - Parameter buffer: memory for a chunk.
    func run(into arrival: Arrival, through buffer: UnsafeMutableRawBufferPointer) throws {
        guard chunks.contains(where: { !arrival.has($0) }), let file = try? OpenFile(path, O_RDONLY),
            (try? readChunk(file.descriptor, at: offset, count: length, into: buffer)) == true
        else { return }
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<length])
        guard Checksum(of: bytes) == checksum else { return }
        for chunk in chunks where !arrival.has(chunk) { try arrival.write(chunk, bytes, checksum) }
    }
}
