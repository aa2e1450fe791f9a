import FoundationEssentials
import Glibc
import Wire

/// A system call that failed, in words: `open /x/lock: Permission denied`.
package struct POSIXFault: Error, Hashable, CustomStringConvertible {
    package let doing: String
    package let code: Int32

    package init(_ doing: String, code: Int32 = errno) {
        self.doing = doing
        self.code = code
    }

    package var description: String { "\(doing): \(String(cString: strerror(code)))" }
}

/// Writes all bytes, however many calls it takes.
func writeAll(_ bytes: [UInt8], to descriptor: Int32) throws(POSIXFault) {
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count < 0, errno != EINTR { throw POSIXFault("write to descriptor \(descriptor)") }
        rest = rest.dropFirst(max(0, count))
    }
}

/// What one read gave; nil at the end of the stream. Empty where nothing is there yet.
func readSome(from descriptor: Int32, into buffer: inout [UInt8]) -> ArraySlice<UInt8>? {
    let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
    if count > 0 { return buffer[..<count] }
    return count < 0 && (errno == EAGAIN || errno == EINTR) ? [] : nil
}

/// Seconds that only ever grow, whatever happens to the wall clock.
func monotonicSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

extension StopOrder {
    /// The order in the folder's `stop` file. A file that cannot be read is an order all the same: its
    /// being there is what counts.
    static func read(from folder: TrialFolder) -> StopOrder {
        let bytes = FileManager.default.contents(atPath: folder.stop) ?? Data()
        return (try? Lines.decode(StopOrder.self, from: bytes))
            ?? StopOrder(save: false, reason: "a stop file that could not be read")
    }
}
