import Glibc

/// Reads what was appended to a file since it was last asked. Holds no descriptor, so that a file may be
/// renamed, removed and made anew at any time.
struct FileTail {
    /// Read at a time, so that a large file cannot hold up who asks.
    private static let most = 1 << 20

    private let path: String
    private var offset = 0
    private var inode: ino_t = 0
    /// Whether the file was longer than what the last read took.
    private(set) var hasMore = false

    init(_ path: String) {
        self.path = path
    }

    /// The bytes, and whether they are the first of another file than before: it was replaced, or shrank.
    mutating func read() -> (bytes: [UInt8], isNew: Bool) {
        hasMore = false
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { return ([], false) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return ([], false) }
        let isNew = status.st_ino != inode || Int(status.st_size) < offset
        if isNew { (inode, offset) = (status.st_ino, 0) }
        let count = min(Self.most, Int(status.st_size) - offset)
        hasMore = count == Self.most
        guard count > 0 else { return ([], isNew) }
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = max(0, pread(file, buffer.baseAddress, count, off_t(offset)))
        }
        offset += bytes.count
        return (bytes, isNew)
    }
}
