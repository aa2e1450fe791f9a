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
    package init?(stat: String, evenZombie: Bool = false) {
        guard let open = stat.firstIndex(of: "("), let close = stat.lastIndex(of: ")"),
            let pid = Int32(stat[..<open].split(separator: " ").first ?? "")
        else { return nil }
        // From field 3, the state, on.
        let fields = stat[stat.index(after: close)...].split(separator: " ")
        guard fields.count > 19, evenZombie || (fields[0] != "Z" && fields[0] != "X"),
            let parent = Int32(fields[1]), let session = Int32(fields[3]), let startTime = UInt64(fields[19])
        else { return nil }
        (self.pid, self.parent, self.session, self.startTime) = (pid, parent, session, startTime)
    }

    package init?(pid: Int32, evenZombie: Bool = false) {
        guard let stat = contents("/proc/\(pid)/stat") else { return nil }
        self.init(stat: String(decoding: stat, as: UTF8.self), evenZombie: evenZombie)
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

    private static func isMine(_ pid: Int32) -> Bool {
        var status = stat()
        return stat("/proc/\(pid)", &status) == 0 && status.st_uid == getuid()
    }
}
