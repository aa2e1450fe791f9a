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
