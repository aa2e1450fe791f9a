import FleetModel
import Glibc
import Spawn

/// What this node knows of a checkpoint that lies on it: what is in it, and by what a file or a chunk that is no longer
/// as it was is found out.
struct ManifestRecord {
    let manifest: Manifest
    /// By file, in the manifest's order.
    let signatures: [FileSignature]
    /// By chunk.
    let checksums: [Checksum]

    /// Whether the tree is what was hashed, as far as its files' signatures tell.
    func fits(_ tree: Tree) -> Bool {
        guard tree.items.count == manifest.entries.count, tree.signatures == signatures else { return false }
        return zip(manifest.entries, tree.items).allSatisfy { entry, item in
            guard entry.path.utf8.elementsEqual(item.path.utf8), entry.mode == item.mode else { return false }
            return switch (entry.kind, item.kind) {
            case (.folder, .folder): true
            case (.file(let size, _), .file(let signature)): size == signature.size
            case (.link(let a), .link(let b)): a.utf8.elementsEqual(b.utf8)
            default: false
            }
        }
    }
}

// MARK: On disk

/// All numbers are big-endian and have 8 bytes: how many files, how many chunks; for each file its size, inode and time
/// of change; for each chunk its checksum. Then the manifest.
extension ManifestRecord {
    /// nil where there is none, or it is damaged or of another version: then it is made anew.
    init?(at path: String) {
        guard let bytes = contents(path), bytes.count >= 16 else { return nil }
        func number(_ index: Int) -> UInt64 {
            bytes[(index * 8)..<(index * 8 + 8)].reduce(0) { $0 << 8 | UInt64($1) }
        }
        let most = bytes.count / 8
        guard let files = Int(exactly: number(0)), let chunks = Int(exactly: number(1)), files <= most,
            chunks <= most, 2 + 3 * files + chunks <= most,
            let manifest = try? Manifest(bytes: Array(bytes[((2 + 3 * files + chunks) * 8)...])),
            manifest.chunkCount == chunks
        else { return nil }
        self.manifest = manifest
        signatures = (0..<files).map { file in
            FileSignature(
                size: Int(bitPattern: UInt(number(2 + 3 * file))), inode: number(3 + 3 * file),
                modified: Int(bitPattern: UInt(number(4 + 3 * file))))
        }
        checksums = (0..<chunks).map { Checksum(value: number(2 + 3 * files + $0)) }
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 * (2 + 3 * signatures.count + checksums.count))
        func add(_ number: some FixedWidthInteger) {
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: number >> shift))
            }
        }
        add(signatures.count)
        add(checksums.count)
        for signature in signatures {
            add(signature.size)
            add(signature.inode)
            add(signature.modified)
        }
        for checksum in checksums { add(checksum.value) }
        return bytes + manifest.bytes
    }
}

// MARK: Hashing

extension ManifestRecord {
    /// Hashes the folder. Where a file changes meanwhile, it begins again.
    ///
    /// - Throws: also where a file goes on changing: a checkpoint that is published must not.
    init(hashing root: String) throws {
        for _ in 0..<3 {
            let tree = try Tree(of: root)
            if let record = try Self.hash(tree, below: root), try Tree(of: root) == tree {
                self = record
                return
            }
        }
        throw AgentError(
            "the files of \(root) change while they are read: a published checkpoint must stay as it is")
    }

    private typealias HashedChunk = (digest: ChunkDigest, checksum: Checksum)

    /// nil where a file became shorter.
    private static func hash(_ tree: Tree, below root: String) throws -> ManifestRecord? {
        /// Neighbouring chunks of one file.
        struct Piece { let item, first, count: Int }
        let piece = 16
        var pieces: [Piece] = []
        for (index, item) in tree.items.enumerated() {
            guard case .file(let signature) = item.kind else { continue }
            let count = Manifest.chunks(ofBytes: signature.size)
            for first in stride(from: 0, to: count, by: piece) {
                pieces.append(Piece(item: index, first: first, count: min(piece, count - first)))
            }
        }
        let (work, items) = (pieces, tree.items)
        let hashed = Monitor([[HashedChunk]?](repeating: nil, count: work.count))
        try inParallel(work.count, threads: storageThreads, bufferSize: Manifest.chunkSize) {
            number, buffer in
            let piece = work[number]
            guard case .file(let signature) = items[piece.item].kind else { return }
            let chunks = try hash(
                root + "/" + items[piece.item].path, size: signature.size,
                piece.first..<piece.first + piece.count, buffer)
            hashed.use { $0[number] = chunks }
        }
        var found = [[HashedChunk]](repeating: [], count: items.count)
        for (piece, chunks) in zip(work, hashed.use { $0 }) {
            guard let chunks else { return nil }
            found[piece.item] += chunks
        }
        let manifest = try Manifest(
            zip(items, found).map { item, chunks in
                Manifest.Entry(
                    path: item.path, mode: item.mode,
                    kind: Manifest.Entry.Kind(item.kind, chunks.map(\.digest)))
            })
        return ManifestRecord(
            manifest: manifest, signatures: tree.signatures, checksums: found.joined().map(\.checksum))
    }

    private static func hash(
        _ path: String, size: Int, _ chunks: Range<Int>, _ buffer: UnsafeMutableRawBufferPointer
    ) throws -> [HashedChunk]? {
        let file = try OpenFile(path, O_RDONLY)
        var hashed: [HashedChunk] = []
        for chunk in chunks {
            let offset = chunk * Manifest.chunkSize
            let count = min(Manifest.chunkSize, size - offset)
            guard try readChunk(file.descriptor, at: offset, count: count, into: buffer) else { return nil }
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            hashed.append((ChunkDigest(of: bytes), Checksum(of: bytes)))
        }
        return hashed
    }
}

extension Manifest.Entry.Kind {
    fileprivate init(_ kind: Tree.Item.Kind, _ digests: [ChunkDigest]) {
        switch kind {
        case .folder: self = .folder
        case .file(let signature): self = .file(size: signature.size, chunks: digests)
        case .link(let target): self = .link(target: target)
        }
    }
}
