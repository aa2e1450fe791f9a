import FoundationEssentials
import Glibc
package import Wire

/// Processes as `/proc` shows them.
package enum ProcessTable {
    /// What `/proc/PID/stat` says of a process.
    struct Entry {
        let parent: pid_t
        /// Field 22: clock ticks after boot.
        let startTime: UInt64
    }

    /// nil where there is no such process.
    static func entry(of pid: pid_t) -> Entry? {
        guard let bytes = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else { return nil }
        // The second field is the program's name in brackets and may hold anything, brackets too.
        let text = String(decoding: bytes, as: UTF8.self)
        guard let bracket = text.lastIndex(of: ")") else { return nil }
        let fields = text[bracket...].split(separator: " ")
        guard fields.count > 20, let parent = pid_t(fields[2]), let startTime = UInt64(fields[20])
        else { return nil }
        return Entry(parent: parent, startTime: startTime)
    }

    static func all() -> [pid_t] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { pid_t($0) }
    }

    /// Children of this process, their children, and so on.
    static func descendants() -> Set<pid_t> {
        let parents = Dictionary(
            uniqueKeysWithValues: all().compactMap { pid in entry(of: pid).map { (pid, $0.parent) } })
        var found: Set<pid_t> = []
        var generation: Set = [getpid()]
        while !generation.isEmpty {
            generation = Set(parents.filter { generation.contains($0.value) }.keys).subtracting(found)
            found.formUnion(generation)
        }
        return found
    }

    /// Processes whose environment names `folder` as their trial folder, this one left out.
    package static func marked(with folder: TrialFolder) -> Set<Int32> {
        let mark = Data("\(TrialFolder.environmentMark)=\(folder.path)".utf8)
        return Set(
            all().filter { pid in
                guard pid != getpid(),
                    let bytes = FileManager.default.contents(atPath: "/proc/\(pid)/environ")
                else { return false }
                return bytes.split(separator: 0).contains(mark)
            })
    }
}

/// Ends what a run leaves behind.
enum Survivors {
    /// Kills every descendant of this process, which must be a subreaper, and reaps them. Answers those
    /// that would not die for 10 seconds (they hang in the kernel).
    static func endDescendants() -> Set<pid_t> {
        let deadline = monotonicSeconds() + 10
        while reap() {
            let left = ProcessTable.descendants()
            if monotonicSeconds() > deadline { return left }
            for pid in left { kill(pid, SIGKILL) }
            usleep(1_000)
        }
        return []
    }

    /// Kills what a vanished plugin of this folder left, found by its environment.
    static func endMarked(with folder: TrialFolder) {
        let deadline = monotonicSeconds() + 10
        while case let left = ProcessTable.marked(with: folder), !left.isEmpty, monotonicSeconds() < deadline
        {
            for pid in left { kill(pid, SIGKILL) }
            usleep(1_000)
        }
    }

    /// Takes leave of the children that have ended; whether there are others.
    private static func reap() -> Bool {
        while true {
            let pid = waitpid(-1, nil, WNOHANG)
            if pid == 0 { return true }
            if pid < 0, errno != EINTR { return false }
        }
    }
}
