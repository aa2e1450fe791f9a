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
    package init?(stat: some BidirectionalCollection<UInt8>, evenZombie: Bool = false) {
        guard let close = stat.lastIndex(of: UInt8(ascii: ")")), let pid = Self.firstNumber(in: stat) else {
            return nil
        }
        // From field 3, the state, on. Many processes are looked at: no strings and no arrays are made.
        var rest = stat[close...].dropFirst(2)
        guard let state = rest.first,
            evenZombie || (state != UInt8(ascii: "Z") && state != UInt8(ascii: "X")),
            let parent = Self.skip(1, in: &rest), let session = Self.skip(2, in: &rest),
            let startTime = Self.skip(16, in: &rest)
        else { return nil }
        (self.pid, self.parent, self.session) = (Int32(pid), Int32(parent), Int32(session))
        self.startTime = UInt64(startTime)
    }

    package init?(pid: Int32, evenZombie: Bool = false) {
        let descriptor = open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        // One read gives all of it; 52 numbers and a name of 64 letters are less than this.
        let entry = withUnsafeTemporaryAllocation(byteCount: 2_048, alignment: 1) { buffer -> ProcessEntry? in
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            return ProcessEntry(stat: buffer[..<max(0, count)], evenZombie: evenZombie)
        }
        guard let entry else { return nil }
        self = entry
    }

    /// Goes on by so many fields.
    ///
    /// - Returns: the number there.
    private static func skip<Bytes: Collection<UInt8>>(_ fields: Int, in rest: inout Bytes) -> Int?
    where Bytes.SubSequence == Bytes {
        for _ in 0..<fields {
            guard let space = rest.firstIndex(of: UInt8(ascii: " ")) else { return nil }
            rest = rest[space...].dropFirst()
        }
        return firstNumber(in: rest)
    }

    private static func firstNumber(in digits: some Collection<UInt8>) -> Int? {
        var value: Int?
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { break }
            value = (value ?? 0) &* 10 &+ Int(digit - UInt8(ascii: "0"))
        }
        return value
    }

    /// Numbers of all processes but this one.
    static func everyPID() -> [Int32] { ListedProcess.all().map(\.pid) }

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

/// A process as the listing of `/proc` shows it, before anything of it is read.
private struct ListedProcess {
    let pid: Int32
    /// Of its folder. Linux gives each process's folder a new one when it is first looked up (`proc_fill_cache` of
    /// fs/proc/base.c), so that a number that is used again has another. A living process may get another one too,
    /// where memory was short.
    let inode: UInt

    /// All but this one.
    static func all() -> [ListedProcess] {
        guard let folder = opendir("/proc") else { return [] }
        defer { closedir(folder) }
        let own = getpid()
        var found: [ListedProcess] = []
        while let entry = readdir(folder) {
            let pid = withUnsafePointer(to: &entry.pointee.d_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: 256) { strtol($0, nil, 10) }
            }
            if pid > 0, pid != own {
                found.append(ListedProcess(pid: Int32(pid), inode: entry.pointee.d_ino))
            }
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
    /// Those of one run, now: see `ProcessTable.processes`.
    package static func of(_ folder: TrialFolder, leader: Leader? = nil) -> [Int32] {
        ProcessMarks().look().processes(of: folder, leader: leader)
    }

    /// Whether the process carries the mark of any trial folder below `runs`.
    package static func isOurs(_ pid: Int32, runs: String) -> Bool {
        let below = Array((runs + "/").utf8)
        return ProcessTable.marks(of: pid).contains { $0.starts(with: below) }
    }

    /// The trial folders whose marks living processes carry.
    package static func markedFolders() -> Set<String> {
        Set(
            ProcessEntry.everyPID().flatMap { pid in
                ProcessTable.marks(of: pid).map { String(decoding: $0, as: UTF8.self) }
            })
    }
}

/// The processes that lived at one moment, this one left out.
package struct ProcessTable {
    fileprivate struct Row {
        let entry: ProcessEntry
        /// The trial folders that its environment names.
        let marks: [ArraySlice<UInt8>]

        /// What was read of it before may have ended since, without being reaped.
        var isLiving: Bool { ProcessEntry(pid: entry.pid)?.startTime == entry.startTime }
    }

    fileprivate let rows: [Row]

    /// Processes that carry the mark of `folder`, and those of this user in the session that `leader` began.
    ///
    /// A process that rewrites its environment loses the mark, one that calls setsid the session: who does
    /// both is lost to us. A session is only trusted while no other process has the leader's number.
    package func processes(of folder: TrialFolder, leader: Leader?) -> [Int32] {
        let path = Array(folder.path.utf8)
        // Where the number is another process's, the session is.
        let leader = leader.flatMap { leader in
            let now = rows.first { $0.entry.pid == leader.pid }
            return now.map { $0.entry.startTime == leader.startTime } ?? true ? leader : nil
        }
        return rows.filter { row in
            if row.marks.contains(where: { $0.elementsEqual(path) }) { return row.isLiving }
            guard let leader, row.entry.session == leader.pid, row.entry.startTime >= leader.startTime else {
                return false
            }
            return row.isLiving && Self.isMine(row.entry.pid)
        }.map(\.entry.pid)
    }

    private static func isMine(_ pid: Int32) -> Bool {
        var status = stat()
        return stat("/proc/\(pid)", &status) == 0 && status.st_uid == getuid()
    }

    private static let prefix = Array("\(TrialFolder.environmentMark)=".utf8)

    /// The trial folders that the environment of a process names.
    fileprivate static func marks(of pid: Int32) -> [ArraySlice<UInt8>] {
        (contents("/proc/\(pid)/environ") ?? []).split(separator: 0).filter { $0.starts(with: prefix) }
            .map { $0.dropFirst(prefix.count) }
    }
}

/// Looks at the processes again and again, at a fraction of the cost: a process that has been there for a while is
/// read once, and then only listed.
///
/// That is as true: a process comes by the mark when it is forked, or when the agent starts it, which is at once; and
/// nobody enters a session later.
package final class ProcessMarks {
    private struct Known {
        let inode: UInt
        let row: ProcessTable.Row
    }

    /// Until it is so old, a process may be about to begin another program. Seconds.
    private static let settledSeconds = 1.0

    private var known: [Int32: Known] = [:]
    /// The processes that are not read again, and the trial folders that they belong to.
    package var knowledge: [Int32: [String]] {
        known.mapValues { $0.row.marks.map { String(decoding: $0, as: UTF8.self) } }
    }
    private var latest: ProcessTable?

    package init() {}

    /// The processes of now.
    package func look() -> ProcessTable {
        let settled = settledTime
        let before = known
        known.removeAll(keepingCapacity: true)
        let rows = ListedProcess.all().compactMap { listed -> ProcessTable.Row? in
            if let same = before[listed.pid], same.inode == listed.inode {
                known[listed.pid] = same
                return same.row
            }
            guard let entry = ProcessEntry(pid: listed.pid) else { return nil }
            let row = ProcessTable.Row(entry: entry, marks: ProcessTable.marks(of: listed.pid))
            if entry.startTime < settled { known[listed.pid] = Known(inode: listed.inode, row: row) }
            return row
        }
        let table = ProcessTable(rows: rows)
        latest = table
        return table
    }

    /// The processes of the latest look since `expire`, or of now.
    package func lookOnce() -> ProcessTable { latest ?? look() }

    /// What was seen so far no longer counts.
    package func expire() { latest = nil }

    /// In clock ticks after boot, as `ProcessEntry.startTime`.
    private var settledTime: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        let seconds = Double(time.tv_sec) - Self.settledSeconds
        return UInt64(max(0, seconds * Double(sysconf(Int32(_SC_CLK_TCK)))))
    }
}
