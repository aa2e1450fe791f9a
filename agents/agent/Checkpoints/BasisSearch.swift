import FleetModel
import Glibc
import Spawn

/// Finds what another checkpoint of the study has of one that arrives. Whole files become the same file,
/// single chunks are copied, and verified on the way like all others.
struct BasisSearch {
    private let arrival: Arrival
    private let key: CheckpointStore.Key
    private let store: CheckpointStore
    private var manifest: Manifest { arrival.manifest }

    init(for arrival: Arrival, _ key: CheckpointStore.Key, in store: CheckpointStore) {
        (self.arrival, self.key, self.store) = (arrival, key, store)
    }

    /// Looks through the study's checkpoints, the latest first, until nothing is missing.
    func run() throws {
        for other in store.checkpoints(of: key.study).reversed() {
            guard !arrival.missingChunks.isEmpty else { return }
            guard store.path(of: other) != store.path(of: key), let basis = try? basis(other) else {
                continue
            }
            try take(from: basis, at: store.path(of: other))
        }
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

    private func take(from basis: Manifest, at root: String) throws {
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
        try copyChunks(of: basis, at: root)
    }

    private func copyChunks(of basis: Manifest, at root: String) throws {
        let missing = arrival.missingChunks
        guard !missing.isEmpty else { return }
        let manifest = manifest
        let wanted = Dictionary(grouping: missing) { manifest.digest(ofChunk: $0) }
        let found = (0..<basis.chunkCount).filter { wanted[basis.digest(ofChunk: $0)] != nil }
        let arrival = arrival
        try inParallel(found.count, threads: storageThreads, bufferSize: Manifest.chunkSize) {
            number, buffer in
            let place = basis.place(ofChunk: found[number])
            // A checkpoint that is removed meanwhile is no fault: its chunks come from afar.
            guard let file = try? OpenFile("\(root)/\(basis.entries[place.entry].path)", O_RDONLY),
                try readChunk(file.descriptor, at: place.offset, count: place.length, into: buffer)
            else { return }
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<place.length])
            for chunk in wanted[basis.digest(ofChunk: found[number])]! where !arrival.has(chunk) {
                if arrival.isRight(chunk, bytes) { try arrival.write(chunk, bytes) }
            }
        }
    }
}
