import Glibc
import Spawn
import Wire

/// Ends what a run leaves behind.
enum Survivors {
    /// Kills every descendant of this process, which must be a subreaper, and reaps them. Answers those
    /// that would not die for 10 seconds (they hang in the kernel).
    static func endDescendants() -> Set<pid_t> {
        let deadline = monotonicSeconds() + 10
        while reapAll().othersLive {
            let left = ProcessEntry.descendants()
            if monotonicSeconds() > deadline { return left }
            for pid in left { kill(pid, SIGKILL) }
            usleep(1_000)
        }
        return []
    }

    /// Kills what a vanished plugin of this folder left, found by its environment.
    static func endMarked(with folder: TrialFolder) {
        let deadline = monotonicSeconds() + 10
        while case let left = RunProcesses.of(folder), !left.isEmpty, monotonicSeconds() < deadline {
            for pid in left { kill(pid, SIGKILL) }
            usleep(1_000)
        }
    }
}
