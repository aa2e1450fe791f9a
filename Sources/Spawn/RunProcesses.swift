import Glibc
package import Wire

/// A process by what `/proc` says.
package struct ProcessEntry: Hashable {
    package let pid: Int32
    package let parent: Int32
    package let session: Int32
    /// Clock ticks after boot.
    package let startTime: UInt64

    /// Reads `/proc/PID/stat`; nil for a process that has ended and is not reaped yet, unless `evenZombie`.
    /// The name in parentheses may itself hold spaces and parentheses.
    package init?(stat: [UInt8], evenZombie: Bool = false) {
        guard let open = stat.firstIndex(of: UInt8(ascii: "(")),
            let close = stat.lastIndex(of: UInt8(ascii: ")")), open < close,
            let pid = Self.number(stat[..<open].prefix { $0 != UInt8(ascii: " ") })
        else { return nil }
        // From field 3, the state, on. Many processes are looked at: no strings are made.
        let fields = stat[(close + 1)...].split(separator: UInt8(ascii: " "), maxSplits: 20)
        guard fields.count > 19, let state = fields[0].first,
            evenZombie || (state != UInt8(ascii: "Z") && state != UInt8(ascii: "X")),
            let parent = Self.number(fields[1]), let session = Self.number(fields[3]),
            let startTime = Self.number(fields[19])
        else { return nil }
        (self.pid, self.parent, self.session) = (Int32(pid), Int32(parent), Int32(session))
        self.startTime = UInt64(startTime)
    }

    package init?(pid: Int32, evenZombie: Bool = false) {
        guard let stat = contents("/proc/\(pid)/stat") else { return nil }
        self.init(stat: stat, evenZombie: evenZombie)
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        var value = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            value = value &* 10 &+ Int(digit - UInt8(ascii: "0"))
        }
        return digits.isEmpty ? nil : value
    }

    /// Numbers of all processes but this one.
    static func everyPID() -> [Int32] {
        let own = getpid()
        return names(in: "/proc").compactMap { Int32($0) }.filter { $0 != own }
    }

    /// The living children of a process.
    package static func children(of pid: Int32) -> [Int32] {
        everyPID().filter { ProcessEntry(pid: $0)?.parent == pid }
    }

    /// Children of this process, their children, and so on. A zombie counts: while threads of it live, so
    /// does its leader's entry.
    package static func descendants() -> Set<Int32> {
        let parents = Dictionary(
            uniqueKeysWithValues: everyPID().compactMap { pid in
                ProcessEntry(pid: pid, evenZombie: true).map { (pid, $0.parent) }
            })
        var found: Set<Int32> = []
        var generation: Set = [getpid()]
        while !generation.isEmpty {
            generation = Set(parents.filter { generation.contains($0.value) }.keys).subtracting(found)
            found.formUnion(generation)
        }
        return found
    }
}

/// The leader of a run's session, as its `started` event tells.
package struct Leader: Hashable {
    package let pid: Int32
    package let startTime: UInt64

    package init(pid: Int32, startTime: UInt64) {
        (self.pid, self.startTime) = (pid, startTime)
    }
}

/// The living processes that belong to runs, this one left out.
package enum RunProcesses {
    /// Processes that carry the mark of `folder`, and those of this user in the session that `leader` began.
    ///
    /// A process that rewrites its environment loses the mark, one that calls setsid the session: who does
    /// both is lost to us. A session is only trusted while no other process has the leader's number.
    package static func of(_ folder: TrialFolder, leader: Leader? = nil) -> [Int32] {
        let mark = Array("\(TrialFolder.environmentMark)=\(folder.path)".utf8)
        let sessionIsOurs =
            leader.map { leader in
                ProcessEntry(pid: leader.pid).map { $0.startTime == leader.startTime } ?? true
            } ?? false
        return ProcessEntry.everyPID().filter { pid in
            if carries(mark, pid) { return true }
            guard sessionIsOurs, let leader, let entry = ProcessEntry(pid: pid), isMine(pid) else {
                return false
            }
            return entry.session == leader.pid && entry.startTime >= leader.startTime
        }
    }

    /// Whether the process carries the mark of any trial folder below `runs`.
    package static func isOurs(_ pid: Int32, runs: String) -> Bool {
        carries(Array("\(TrialFolder.environmentMark)=\(runs)/".utf8), pid, wholly: false)
    }

    /// The trial folders whose marks living processes carry.
    package static func markedFolders() -> Set<String> {
        let mark = Array("\(TrialFolder.environmentMark)=".utf8)
        return Set(
            ProcessEntry.everyPID().flatMap { pid in
                (contents("/proc/\(pid)/environ") ?? []).split(separator: 0)
                    .filter { $0.starts(with: mark) }
                    .map { String(decoding: $0.dropFirst(mark.count), as: UTF8.self) }
            })
    }

    private static func carries(_ mark: [UInt8], _ pid: Int32, wholly: Bool = true) -> Bool {
        guard let environment = contents("/proc/\(pid)/environ") else { return false }
        return environment.split(separator: 0).contains {
            wholly ? $0.elementsEqual(mark) : $0.starts(with: mark)
        }
    }

    fileprivate static func isMine(_ pid: Int32) -> Bool {
        var status = stat()
        return stat("/proc/\(pid)", &status) == 0 && status.st_uid == getuid()
    }
}

/// Finds the living processes of runs again and again, as `RunProcesses.of` does, at a fraction of the cost: of a
/// process that has been there for a while, its environment is read once.
///
/// That is as true: a process comes by the mark when it is forked, or when the agent starts it, which is at once.
package final class ProcessMarks {
    private struct Known {
        let startTime: UInt64
        /// The trial folders that its environment names.
        let marks: [ArraySlice<UInt8>]
    }

    /// Until it is so old, a process may be about to begin another program. Seconds.
    private static let settledSeconds = 5.0
    private static let prefix = Array("\(TrialFolder.environmentMark)=".utf8)

    private var known: [Int32: Known] = [:]

    package init() {}

    package func processes(of folder: TrialFolder, leader: Leader?) -> [Int32] {
        let path = Array(folder.path.utf8)
        let entries = ProcessEntry.everyPID().compactMap { ProcessEntry(pid: $0) }
        let settled = settledTime
        let before = known
        known = [:]
        let sessionIsOurs = leader.map { leader in
            entries.first { $0.pid == leader.pid }.map { $0.startTime == leader.startTime } ?? true
        }
        return entries.compactMap { entry in
            let marks: [ArraySlice<UInt8>]
            if let found = before[entry.pid], found.startTime == entry.startTime {
                marks = found.marks
            } else {
                marks = Self.marks(of: entry.pid)
            }
            if entry.startTime < settled {
                known[entry.pid] = Known(startTime: entry.startTime, marks: marks)
            }
            if marks.contains(where: { $0.elementsEqual(path) }) { return entry.pid }
            guard sessionIsOurs == true, let leader, entry.session == leader.pid,
                entry.startTime >= leader.startTime, RunProcesses.isMine(entry.pid)
            else { return nil }
            return entry.pid
        }
    }

    /// In clock ticks after boot, as `ProcessEntry.startTime`.
    private var settledTime: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        let seconds = Double(time.tv_sec) - Self.settledSeconds
        return UInt64(max(0, seconds * Double(sysconf(Int32(_SC_CLK_TCK)))))
    }

    private static func marks(of pid: Int32) -> [ArraySlice<UInt8>] {
        (contents("/proc/\(pid)/environ") ?? []).split(separator: 0).filter { $0.starts(with: prefix) }
            .map { $0.dropFirst(prefix.count) }
    }
}
