import FleetModel
import Glibc
import Spawn

/// What makes two looks at a file the same file with the same bytes, as rsync's quick check and git's index
/// have it: nobody changes a published checkpoint, but if somebody does, this shows.
struct FileSignature: Hashable, Sendable {
    let size: Int
    let inode: UInt64
    /// Of the last change of its bytes, nanoseconds since 1970.
    let modified: Int

    init(_ status: stat) {
        size = Int(status.st_size)
        inode = UInt64(status.st_ino)
        modified = status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec
    }

    init(size: Int, inode: UInt64, modified: Int) {
        (self.size, self.inode, self.modified) = (size, inode, modified)
    }
}

/// What stands below a folder, without the bytes of its files.
struct Tree: Hashable, Sendable {
    /// One thing in it.
    struct Item: Hashable, Sendable {
        /// What it is.
        enum Kind: Hashable, Sendable {
            case folder
            case file(FileSignature)
            case link(target: String)
        }

        let path: String
        let mode: UInt16
        let kind: Kind
    }

    /// By path, in the order of its bytes, as in a manifest.
    let items: [Item]

    init(of root: String) throws {
        var items: [Item] = []
        var folders = [""]
        while let folder = folders.popLast() {
            for name in try Self.names(in: root + folder) {
                let path = folder + "/" + name
                let item = try Self.item(root + path, named: String(path.dropFirst()))
                if item.kind == .folder { folders.append(path) }
                items.append(item)
            }
        }
        self.items = items.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }

    private static func names(in folder: String) throws -> [String] {
        guard let stream = opendir(folder) else { throw SystemError("read the folder \(folder)") }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
            }
            guard let name else {
                throw AgentError("a name in \(folder) is not UTF-8: such a checkpoint cannot be moved")
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    private static func item(_ place: String, named path: String) throws -> Item {
        var status = stat()
        try checked("look at \(place)") { lstat(place, &status) }
        let mode = UInt16(status.st_mode & 0o777)
        switch status.st_mode & S_IFMT {
        case S_IFDIR: return Item(path: path, mode: mode, kind: .folder)
        case S_IFREG: return Item(path: path, mode: mode, kind: .file(FileSignature(status)))
        case S_IFLNK: return Item(path: path, mode: 0o777, kind: .link(target: try target(of: place)))
        default:
            throw AgentError(
                "\(place) is neither file, folder nor link: a checkpoint with such a thing cannot be moved")
        }
    }

    private static func target(of link: String) throws -> String {
        var buffer = [UInt8](repeating: 0, count: 4_097)
        let count = try checked("read the link \(link)") { readlink(link, &buffer, buffer.count) }
        guard count < buffer.count, let text = String(validating: buffer[..<count], as: UTF8.self) else {
            throw AgentError("the link \(link) leads to a name that is too long or not UTF-8")
        }
        return text
    }

    /// Bytes of all files.
    var signatures: [FileSignature] {
        items.compactMap { if case .file(let signature) = $0.kind { signature } else { nil } }
    }
}

extension Manifest {
    /// Whether the tree is what was hashed, as far as its files' signatures tell.
    func fits(_ tree: Tree, _ signatures: [FileSignature]) -> Bool {
        guard tree.items.count == entries.count, tree.signatures == signatures else { return false }
        return zip(entries, tree.items).allSatisfy { entry, item in
            guard entry.path.utf8.elementsEqual(item.path.utf8), entry.mode == item.mode else { return false }
            return switch (entry.kind, item.kind) {
            case (.folder, .folder): true
            case (.file(let size, _), .file(let signature)): size == signature.size
            case (.link(let a), .link(let b)): a.utf8.elementsEqual(b.utf8)
            default: false
            }
        }
    }

    /// Hashes the folder. Where a file changes meanwhile, it begins again.
    ///
    /// - Throws: also where a file goes on changing: a checkpoint that is published must not.
    static func hashing(_ root: String) throws -> (manifest: Manifest, signatures: [FileSignature]) {
        for _ in 0..<3 {
            let tree = try Tree(of: root)
            let manifest = try hash(tree, below: root)
            if let manifest, try Tree(of: root) == tree { return (manifest, tree.signatures) }
        }
        throw AgentError(
            "the files of \(root) change while they are read: a published checkpoint must stay as it is")
    }

    /// nil where a file became shorter.
    private static func hash(_ tree: Tree, below root: String) throws -> Manifest? {
        /// Neighbouring chunks of one file.
        struct Piece { let item, first, count: Int }
        let piece = 16
        var pieces: [Piece] = []
        for (index, item) in tree.items.enumerated() {
            guard case .file(let signature) = item.kind else { continue }
            let count = chunks(ofBytes: signature.size)
            for first in stride(from: 0, to: count, by: piece) {
                pieces.append(Piece(item: index, first: first, count: min(piece, count - first)))
            }
        }
        let (work, items) = (pieces, tree.items)
        let hashed = Monitor([[ChunkDigest]?](repeating: nil, count: work.count))
        try inParallel(work.count, threads: storageThreads, bufferSize: chunkSize) { number, buffer in
            let piece = work[number]
            guard case .file(let signature) = items[piece.item].kind else { return }
            let digests = try digests(
                root + "/" + items[piece.item].path, size: signature.size,
                piece.first..<piece.first + piece.count, buffer)
            hashed.use { $0[number] = digests }
        }
        var found = [[ChunkDigest]](repeating: [], count: items.count)
        for (piece, digests) in zip(work, hashed.use { $0 }) {
            guard let digests else { return nil }
            found[piece.item] += digests
        }
        return try Manifest(
            zip(items, found).map { item, digests in
                Entry(path: item.path, mode: item.mode, kind: Entry.Kind(item.kind, digests))
            })
    }

    private static func digests(
        _ path: String, size: Int, _ chunks: Range<Int>, _ buffer: UnsafeMutableRawBufferPointer
    ) throws -> [ChunkDigest]? {
        let file = try OpenFile(path, O_RDONLY)
        var digests: [ChunkDigest] = []
        for chunk in chunks {
            let count = min(chunkSize, size - chunk * chunkSize)
            guard try readChunk(file.descriptor, at: chunk * chunkSize, count: count, into: buffer) else {
                return nil
            }
            digests.append(ChunkDigest(of: UnsafeRawBufferPointer(rebasing: buffer[..<count])))
        }
        return digests
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
