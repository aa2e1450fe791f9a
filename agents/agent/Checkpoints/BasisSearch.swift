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

    /// Looks through the study's checkpoints, the latest first, until nothing is missing that is not found.
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
        return copies
    }

    /// The other's manifest. It is hashed for this where it has files like those that are missing; else
    /// reading them would be for nothing.
    private func basis(_ other: CheckpointStore.Key) throws -> Manifest? {
        if let known = store.knownManifest(of: other) { return known }
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
        return isAlike ? try store.manifest(of: other) : nil
    }

    private func linkFiles(of basis: Manifest, at root: String) {
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
            _ = arrival.link(index, to: "\(root)/\(basis.entries[same].path)")
        }
    }

    private func chunks(_ missing: [Int], of basis: Manifest, at root: String) -> [ChunkCopy] {
        let wanted = Dictionary(grouping: missing) { manifest.digest(ofChunk: $0) }
        return (0..<basis.chunkCount).compactMap { chunk in
            wanted[basis.digest(ofChunk: chunk)].map { chunks in
                let place = basis.place(ofChunk: chunk)
                return ChunkCopy(
                    path: "\(root)/\(basis.entries[place.entry].path)", offset: place.offset,
                    length: place.length, chunks: chunks)
            }
        }
    }
}

/// Some bytes of another checkpoint that are to be chunks of one that arrives.
struct ChunkCopy {
    let path: String
    let offset: Int
    let length: Int
    /// Numbers of the chunks there.
    let chunks: [Int]

    /// Verifies them like all others. A checkpoint that is removed meanwhile, or damaged, is no fault: its chunks are
    /// still missing then.
    /// - Parameter buffer: memory for a chunk.
    func run(into arrival: Arrival, through buffer: UnsafeMutableRawBufferPointer) throws {
        guard chunks.contains(where: { !arrival.has($0) }), let file = try? OpenFile(path, O_RDONLY),
            (try? readChunk(file.descriptor, at: offset, count: length, into: buffer)) == true
        else { return }
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<length])
        for chunk in chunks where !arrival.has(chunk) && arrival.isRight(chunk, bytes) {
            try arrival.write(chunk, bytes)
        }
    }
}
