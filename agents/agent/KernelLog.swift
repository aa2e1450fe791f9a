import Glibc
import Spawn

/// Where a GPU is on the PCI bus.
struct BusPlace: Hashable {
    let domain: Int
    let bus: Int
    let device: Int

    /// Reads `0000:3b:00`, `0000:3b:00.0`, `00000000:3B:00.0` and `PCI:0000:3b:00`.
    init?(_ text: some StringProtocol) {
        let words = text.split(separator: ":", omittingEmptySubsequences: false).suffix(3)
        let numbers = words.compactMap { Int($0.prefix { $0 != "." }, radix: 16) }
        guard words.count == 3, numbers.count == 3 else { return nil }
        (domain, bus, device) = (numbers[0], numbers[1], numbers[2])
    }
}

/// Xid errors after which NVIDIA asks for the GPU to be reset, by where it is. The driver writes them to the
/// kernel's log.
struct XidRecord: Hashable {
    /// Those for which NVIDIA's Xid catalogue (docs.nvidia.com/deploy/xid-errors, "Analyzing Xid Errors with the Xid
    /// Catalog") has the resolution RESET_GPU or RESTART_BM, and two that it sends through a workflow which ends
    /// there: 48, an uncorrectable ECC error, and 74, an NVLink error. Not 63 (memory was remapped: ignore), 92 (many
    /// single-bit errors: ignore) and 94 (a contained error: start the application again).
    static let needingReset: [Int: String] = [
        46: "the GPU stopped processing", 48: "an uncorrectable ECC error", 62: "its micro-controller halted",
        64: "memory could not be remapped", 74: "an NVLink error", 79: "the GPU has fallen off the bus",
        95: "an uncontained memory error", 109: "a context switch timed out", 110: "a security fault",
        119: "its GSP did not answer", 120: "an error of its GSP", 136: "a link could not be trained",
        140: "an unrecovered ECC error", 143: "it could not be initialised", 155: "an NVLink error",
        156: "a part of it was retired", 158: "a fatal timeout",
    ]

    /// By place: the first such error since the driver was loaded.
    private(set) var numbers: [BusPlace: Int] = [:]

    /// Takes in a line of the kernel's log:
    ///
    ///     NVRM: Xid (PCI:0000:3b:00): 79, pid=4711, name=python, GPU has fallen off the bus.
    ///     NVRM: Xid (PCI:0000:3b:00 GPU-I:05): 95, …
    ///
    /// the second of a GPU instance of MIG, the older form without `PCI:`. Where the driver is loaded anew, what was
    /// before counts no more.
    mutating func take(_ line: some StringProtocol) {
        if line.contains("NVRM: loading NVIDIA UNIX") { return numbers = [:] }
        guard let start = line.firstRange(of: "NVRM: Xid (") else { return }
        let rest = line[start.upperBound...]
        guard let end = rest.firstIndex(of: ")"),
            let place = rest[..<end].split(separator: " ").first.flatMap({ BusPlace($0) })
        else { return }
        let number = rest[end...].dropFirst().drop { $0 == ":" || $0 == " " }.prefix(while: \.isNumber)
        guard let xid = Int(number), Self.needingReset[xid] != nil else { return }
        numbers[place] = numbers[place] ?? xid
    }

    /// Why the GPU at a place is set aside; nil where there is no reason.
    func reason(at place: BusPlace) -> String? {
        guard let number = numbers[place], let meaning = Self.needingReset[number] else { return nil }
        return "the kernel's log has Xid \(number) for it, \(meaning): reset the GPU and load its driver anew"
    }
}

/// The kernel's log, read as it grows, as far as this user may read it.
///
/// Each `read` of /dev/kmsg gives one record, `6,1234,98765,-;TEXT`, from the oldest that is kept on; it gives
/// EAGAIN at the end, EPIPE where records were lost in between (Documentation/ABI/testing/dev-kmsg).
final class KernelLog {
    /// How many records are taken at once; the rest is for the next time. So that a look takes a few milliseconds.
    private static let mostRecords = 20_000

    static let device = "/dev/kmsg"

    private(set) var xids = XidRecord()
    private let descriptor: Int32
    private var rest: [UInt8] = []

    /// Nothing is read where there is no such file, or this user may not read it.
    init(path: String) {
        descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Takes what has come since the last time.
    func look() {
        guard descriptor >= 0 else { return }
        var buffer = [UInt8](repeating: 0, count: 8_192)
        for _ in 0..<Self.mostRecords {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EPIPE || errno == EINTR { continue }
            guard count > 0 else { return }
            rest += buffer[..<count]
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                // Nearly all of it is somebody else's.
                if Self.isOfDriver(rest[..<end]) {
                    xids.take(String(decoding: rest[..<end], as: UTF8.self))
                }
                rest.removeSubrange(...end)
            }
        }
    }

    private static let mark = Array("NVRM: ".utf8)

    private static func isOfDriver(_ line: ArraySlice<UInt8>) -> Bool {
        line.indices.contains { line[$0] == mark[0] && line[$0...].starts(with: mark) }
    }

    /// Why GPUs are set aside, by uuid.
    func reasons(of driver: DriverFolder) -> [String: String] {
        guard !xids.numbers.isEmpty else { return [:] }
        return driver.busNames.compactMapValues { BusPlace($0).flatMap(xids.reason) }
    }
}
