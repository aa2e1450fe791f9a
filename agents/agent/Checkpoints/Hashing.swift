import CXXHash
import Crypto
import FleetModel
import Glibc
import Spawn

extension ChunkDigest {
    /// The SHA-256 of some bytes.
    init(of bytes: UnsafeRawBufferPointer) {
        var hash = SHA256()
        hash.update(bufferPointer: bytes)
        self.init(Array(hash.finalize()))
    }
}

/// Tells bytes that were once verified by their digest from what a bad disk or a careless program has made of them
/// since, at an eighth of SHA-256's cost; it does not stand against somebody who wants to deceive, who could change the
/// agent as well. Never leaves the node. 64 bits of XXH3, by which rsync verifies too (128 bits of it).
struct Checksum: Hashable, Sendable {
    let value: UInt64
}

extension Checksum {
    init(of bytes: UnsafeRawBufferPointer) { value = xxhash_checksum(bytes.baseAddress, bytes.count) }
}

/// How many threads read, hash and write files at once. Few: the machine's cores are there for training.
let storageThreads = max(1, min(4, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))))

/// Reads exactly `count` bytes of an open file into the buffer's beginning; false where the file has fewer.
func readChunk(
    _ descriptor: Int32, at offset: Int, count: Int, into buffer: UnsafeMutableRawBufferPointer
) throws(SystemError) -> Bool {
    var done = 0
    while done < count {
        let more = try checked("read") {
            pread(descriptor, buffer.baseAddress! + done, count - done, off_t(offset + done))
        }
        if more == 0 { return false }
        done += more
    }
    return true
}

/// Writes all of the bytes at an offset.
func writeChunk(
    _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int, of path: String
) throws(SystemError) {
    var done = 0
    while done < bytes.count {
        done += try checked("write \(path)") {
            pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
        }
    }
}

/// A file, open until the last reference is gone. Never follows a link at the end of the path.
final class OpenFile: Sendable {
    let descriptor: Int32

    init(_ path: String, _ flags: Int32, mode: mode_t = 0o600) throws(SystemError) {
        descriptor = try checked("open \(path)") { open(path, flags | O_NOFOLLOW | O_CLOEXEC, mode) }
    }

    deinit { close(descriptor) }
}
