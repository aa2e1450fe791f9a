import FleetModel
import FoundationEssentials
import Glibc
import Wire

/// A process by what `/proc` says.
struct ProcessEntry: Hashable {
    let pid: Int32
    let session: Int32
    /// Clock ticks after boot.
    let startTime: UInt64

    /// Reads `/proc/PID/stat`. The name in parentheses may itself hold spaces and parentheses.
    init?(stat: String) {
        guard let open = stat.firstIndex(of: "("), let close = stat.lastIndex(of: ")"),
            let pid = Int32(trimmed(stat[..<open]))
        else { return nil }
        // From field 3, the state, on.
        let fields = stat[stat.index(after: close)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X", let session = Int32(fields[3]),
            let startTime = UInt64(fields[19])
        else { return nil }
        (self.pid, self.session, self.startTime) = (pid, session, startTime)
    }

    init?(pid: Int32) {
        guard let stat = contents("/proc/\(pid)/stat") else { return nil }
        self.init(stat: String(decoding: stat, as: UTF8.self))
    }
}

/// The leader of a run's session, as its `started` event tells.
struct Leader: Hashable {
    let pid: Int32
    let startTime: UInt64
}

/// The living processes that belong to runs.
enum RunProcesses {
    /// Processes of this user that carry the mark of `folder`, or are in the session that `leader` began.
    ///
    /// A process that rewrites its environment loses the mark, one that calls setsid the session: who does
    /// both is lost to us. A session is only trusted while no other process has the leader's number.
    static func of(_ folder: TrialFolder, leader: Leader?) -> [Int32] {
        let mark = Array("\(TrialFolder.environmentMark)=\(folder.path)".utf8)
        let sessionIsOurs =
            leader.map { leader in
                ProcessEntry(pid: leader.pid).map { $0.startTime == leader.startTime } ?? true
            } ?? false
        return everyPID().filter { pid in
            if carries(mark, pid) { return true }
            guard sessionIsOurs, let leader, let entry = ProcessEntry(pid: pid), isMine(pid) else {
                return false
            }
            return entry.session == leader.pid && entry.startTime >= leader.startTime
        }
    }

    /// Whether the process carries the mark of any trial folder below `runs`.
    static func isOurs(_ pid: Int32, runs: String) -> Bool {
        carries(Array("\(TrialFolder.environmentMark)=\(runs)/".utf8), pid, wholly: false)
    }

    /// The trial folders whose marks living processes carry.
    static func markedFolders() -> Set<String> {
        let mark = Array("\(TrialFolder.environmentMark)=".utf8)
        return Set(
            everyPID().flatMap { pid in
                (contents("/proc/\(pid)/environ") ?? []).split(separator: 0)
                    .filter { $0.starts(with: mark) }
                    .map { String(decoding: $0.dropFirst(mark.count), as: UTF8.self) }
            })
    }

    static func everyPID() -> [Int32] {
        let own = getpid()
        return names(in: "/proc").compactMap { Int32($0) }.filter { $0 != own }
    }

    private static func carries(_ mark: [UInt8], _ pid: Int32, wholly: Bool = true) -> Bool {
        guard let environment = contents("/proc/\(pid)/environ") else { return false }
        return environment.split(separator: 0).contains {
            wholly ? $0.elementsEqual(mark) : $0.starts(with: mark)
        }
    }

    private static func isMine(_ pid: Int32) -> Bool {
        var status = stat()
        return stat("/proc/\(pid)", &status) == 0 && status.st_uid == getuid()
    }
}

/// The names in a folder, in no order; none where it cannot be read.
func names(in folder: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
}

/// All bytes of a file, also of one whose size the system does not tell; nil where it cannot be read.
func contents(_ path: String) -> [UInt8]? {
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
