import FoundationEssentials
import Glibc

/// The names in a folder, in no order; none where it cannot be read.
package func names(in folder: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
}

/// Makes a folder, and those that it is in, where they are not there.
package func makeFolders(_ path: String) throws(SystemError) {
    if isFolder(path) || mkdir(path, 0o777) == 0 { return }
    let fault = SystemError("make the folder \(path)")
    // Another process may have made it meanwhile.
    if isFolder(path) { return }
    guard fault.code == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
        throw fault
    }
    try makeFolders(String(path[..<slash]))
    if mkdir(path, 0o777) != 0, !isFolder(path) { throw SystemError("make the folder \(path)") }
}

private func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

/// All bytes of a file, also of one whose size the system does not tell; nil where it cannot be read.
package func contents(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    while true {
        var count = 0
        let more = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, size in
            count = read(descriptor, buffer.baseAddress, 1 << 16)
            size = max(0, count)
        }
        if count < 0 { return errno == EINTR ? contents(path) : nil }
        if count == 0 { return bytes }
        bytes += more
    }
}

/// The last `limit` bytes of a file and the offset where they begin; nil where it cannot be read.
package func endOfFile(_ path: String, limit: Int) -> (bytes: [UInt8], start: Int)? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    let size = Int(lseek(descriptor, 0, SEEK_END))
    let start = max(0, size - limit)
    return (readBytes(descriptor, from: start, limit: size - start), start)
}

/// At most `limit` bytes from `offset` on; fewer only at the end of the file.
package func readBytes(_ descriptor: Int32, from offset: Int, limit: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: limit) { buffer, size in
        while size < limit {
            let count = pread(descriptor, buffer.baseAddress! + size, limit - size, off_t(offset + size))
            if count > 0 { size += count } else if count == 0 || errno != EINTR { return }
        }
    }
}

/// Takes the lock of a file, which is made where it is not there; nil where another process has it. It is
/// kept until the descriptor is closed, at the latest by this process's end.
package func openLocked(_ path: String, mode: UInt32) throws(SystemError) -> Int32? {
    let descriptor = try checked("open \(path)") { open(path, O_RDWR | O_CREAT | O_CLOEXEC, mode) }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return descriptor }
    let fault = SystemError("lock \(path)")
    close(descriptor)
    if fault.code != EWOULDBLOCK { throw fault }
    return nil
}
