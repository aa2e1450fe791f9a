/// What a checkpoint's folder holds, byte for byte: folders, files and links inside it. Its own SHA-256 names
/// the content, so equal trees have equal manifests.
///
/// A file is cut into chunks of `chunkSize`, the last one shorter. Chunks have a fixed size because tensors
/// stay in place when they change; they are small because what changes is scattered: of 48 MiB changed in
/// pieces of 1 MiB, chunks of 256 KiB move 1.2 times as much, those of 1 MiB 1.9 times.
public struct Manifest: Hashable, Sendable {
    /// Bytes of a chunk.
    public static let chunkSize = 256 << 10

    /// One thing in the folder.
    public struct Entry: Hashable, Sendable {
        /// What it is.
        public enum Kind: Hashable, Sendable {
            case folder
            /// So many bytes, and the SHA-256 of each chunk.
            case file(size: Int, chunks: [ChunkDigest])
            /// A symbolic link to something else in the same checkpoint.
            case link(target: String)
        }

        /// From the checkpoint's folder, names joined by `/`.
        public let path: String
        /// The permission bits, 0 to 0o777; of a link 0o777.
        public let mode: UInt16
        public let kind: Kind

        public init(path: String, mode: UInt16, kind: Kind) {
            self.path = path
            self.mode = mode
            self.kind = kind
        }
    }

    /// Where a chunk is.
    public struct Place: Hashable, Sendable {
        /// Index of its file among the entries.
        public let entry: Int
        public let offset: Int
        public let length: Int
    }

    /// By path, in the order of its bytes; a folder stands before what is in it.
    public let entries: [Entry]
    /// By entry, the number of its first chunk; at the end, the number of all chunks. Chunks are numbered
    /// from 0 through all files.
    private let firstChunks: [Int]
    /// Bytes of all files.
    public let size: Int

    /// Takes entries in any order.
    public init(_ entries: [Entry]) throws(ManifestFault) {
        self.entries = entries.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        var (chunks, size) = ([0], 0)
        for entry in self.entries {
            try entry.check()
            chunks.append(chunks.last! + entry.chunkCount)
            if case .file(let bytes, _) = entry.kind {
                size += bytes
                guard size <= ManifestFault.largestSize else { throw .tooLarge(what: "the checkpoint") }
            }
        }
        firstChunks = chunks
        self.size = size
        try checkTree()
    }

    public var chunkCount: Int { firstChunks.last! }

    /// Where chunk `number` is.
    public func place(ofChunk number: Int) -> Place {
        var (low, high) = (0, entries.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if firstChunks[middle] <= number { low = middle } else { high = middle }
        }
        guard case .file(let size, _) = entries[low].kind else {
            preconditionFailure("chunk \(number) of \(chunkCount) is in a file")
        }
        let offset = (number - firstChunks[low]) * Self.chunkSize
        return Place(entry: low, offset: offset, length: min(Self.chunkSize, size - offset))
    }

    /// The SHA-256 of chunk `number`.
    public func digest(ofChunk number: Int) -> ChunkDigest {
        let entry = place(ofChunk: number).entry
        guard case .file(_, let chunks) = entries[entry].kind else { preconditionFailure("it is a file") }
        return chunks[number - firstChunks[entry]]
    }

    /// Numbers of an entry's chunks; empty where it is no file.
    public func chunks(ofEntry entry: Int) -> Range<Int> { firstChunks[entry]..<firstChunks[entry + 1] }

    /// Bytes of these chunks.
    public func length(ofChunks numbers: Range<Int>) -> Int {
        numbers.reduce(0) { $0 + place(ofChunk: $1).length }
    }

    /// No path twice, and each in a folder that stands before it: never in a file, and never behind a link.
    private func checkTree() throws(ManifestFault) {
        var folders: Set<[UInt8]> = [[]]
        var last: String.UTF8View?
        for entry in entries {
            let path = entry.path.utf8
            if let last, !last.lexicographicallyPrecedes(path) { throw .twice(path: entry.path) }
            last = path
            let parent = path.lastIndex(of: UInt8(ascii: "/")).map { Array(path[..<$0]) } ?? []
            guard folders.contains(parent) else { throw .outsideItsFolder(path: entry.path) }
            if entry.kind == .folder { folders.insert(Array(path)) }
        }
    }
}

extension Manifest.Entry {
    var chunkCount: Int {
        guard case .file(_, let chunks) = kind else { return 0 }
        return chunks.count
    }

    fileprivate func check() throws(ManifestFault) {
        guard Self.isPath(path) else { throw .path(path) }
        guard mode <= 0o777 else { throw .mode(path: path, found: Int(mode)) }
        switch kind {
        case .folder: break
        case .file(let size, let chunks):
            guard size >= 0, size <= ManifestFault.largestSize else { throw .tooLarge(what: path) }
            let expected = Manifest.chunks(ofBytes: size)
            guard chunks.count == expected else {
                throw .chunkCount(path: path, found: chunks.count, expected: expected)
            }
        case .link(let target):
            let depth = path.utf8.count { $0 == UInt8(ascii: "/") }
            guard Self.staysInside(target, depth: depth) else { throw .link(path: path, target: target) }
        }
    }

    /// Names joined by `/`, none of them `.` or `..`, and no NUL, which would end the path for the system.
    private static func isPath(_ path: String) -> Bool {
        let names = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        return path.utf8.count <= ManifestFault.longestPath
            && names.allSatisfy { name in
                !name.isEmpty && name.count <= 255 && !name.contains(0) && !name.elementsEqual(".".utf8)
                    && !name.elementsEqual("..".utf8)
            }
    }

    /// Whether a link's target is in the checkpoint. `..` may only stand in front, where it leads from the
    /// link's own folder, which is no link: after a name it could lead anywhere if that name is one.
    private static func staysInside(_ target: String, depth: Int) -> Bool {
        var names = target.split(separator: "/", omittingEmptySubsequences: false)[...]
        let up = names.prefix { $0.utf8.elementsEqual("..".utf8) }.count
        names = names.dropFirst(up)
        guard up <= depth, target.utf8.count <= ManifestFault.longestPath else { return false }
        return names.isEmpty ? up > 0 : isPath(names.joined(separator: "/"))
    }
}

extension Manifest {
    /// Into how many chunks a file of so many bytes is cut.
    public static func chunks(ofBytes size: Int) -> Int { (size + chunkSize - 1) / chunkSize }
}

/// Why something is no manifest.
public enum ManifestFault: Error, Hashable, Sendable {
    static let longestPath = 4_096
    /// Bytes of a checkpoint, and of a file: 64 TiB.
    static let largestSize = 1 << 46
    static let mostEntries = 1 << 22

    /// The bytes end, or go on, where they should not; `byte` says where.
    case cutOff(byte: Int)
    case noManifest
    case path(String)
    case twice(path: String)
    /// What it is in is not a folder of the checkpoint.
    case outsideItsFolder(path: String)
    case link(path: String, target: String)
    case mode(path: String, found: Int)
    case chunkCount(path: String, found: Int, expected: Int)
    case tooLarge(what: String)
}

extension ManifestFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .cutOff(let byte): "the manifest is damaged at byte \(byte): it ends too early or too late"
        case .noManifest: "found something else, expected a manifest of this version"
        case .path(let path):
            "the manifest names \"\(path)\"; expected names joined by /, without . and .., from the folder on"
        case .twice(let path): "the manifest names \"\(path)\" twice, or not in order"
        case .outsideItsFolder(let path): "\"\(path)\" is not in a folder that the manifest names before it"
        case .link(let path, let target):
            "the link \"\(path)\" leads to \"\(target)\"; expected a place in the same checkpoint"
        case .mode(let path, let found): "\"\(path)\" has mode \(found); expected permission bits only"
        case .chunkCount(let path, let found, let expected):
            "\"\(path)\" has \(found) digests; its size needs \(expected)"
        case .tooLarge(let what): "\(what) is over the limit of this version"
        }
    }
}
