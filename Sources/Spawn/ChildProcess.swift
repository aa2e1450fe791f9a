import CLinux
import Glibc

/// A program that was started, which leads its process group.
package struct ChildProcess: Sendable {
    package let pid: Int32

    /// Sends a signal to the whole process group.
    package func signalGroup(_ signal: Int32) {
        kill(-pid, signal)
    }

    /// Its end, if it has come; it is reaped then, so the end is told once.
    package func endIfOver() -> ProcessEnd? { reap(pid, WNOHANG)?.end }

    /// Waits for its end, and reaps it. Of one that was reaped already nothing is known: 0 is answered.
    @discardableResult
    package func wait() -> ProcessEnd { reap(pid, 0)?.end ?? .exit(0) }
}

/// How a process ended.
package enum ProcessEnd: Hashable, Sendable {
    case exit(Int32)
    case signal(Int32)

    /// The exit code, or the signal's number below zero.
    package var code: Int32 {
        switch self {
        case .exit(let code): code
        case .signal(let signal): -signal
        }
    }

    /// From what waitpid(2) answers.
    fileprivate init(status: Int32) {
        let signal = status & 0x7f
        self = signal == 0 ? .exit((status >> 8) & 0xff) : .signal(signal)
    }
}

/// Reaps every child that has ended, adopted orphans too.
///
/// - Returns: how they ended, and whether other children live.
package func reapAll() -> (ends: [Int32: ProcessEnd], othersLive: Bool) {
    var ends: [Int32: ProcessEnd] = [:]
    while let (pid, end) = reap(-1, WNOHANG) {
        guard let end else { return (ends, true) }
        ends[pid] = end
    }
    return (ends, false)
}

/// waitpid(2), whatever signal interrupts it; nil where there is no such child, an end of nil where it lives.
private func reap(_ pid: Int32, _ options: Int32) -> (pid: Int32, end: ProcessEnd?)? {
    var status: Int32 = 0
    while true {
        let answer = waitpid(pid, &status, options)
        if answer == -1, errno == EINTR { continue }
        if answer == -1 { return nil }
        return (answer, answer == 0 ? nil : ProcessEnd(status: status))
    }
}

/// From now on, orphaned descendants become children of this process.
package func becomeSubreaper() throws(SystemError) {
    try checked("become a subreaper") { linux_become_subreaper() }
}

/// Notices at once when a process ends; where the kernel cannot tell, whoever polls must look from time to
/// time.
package struct ProcessWatch: ~Copyable {
    /// Becomes readable; -1 on kernels before 5.3.
    package let descriptor: Int32

    package init(on child: ChildProcess) {
        descriptor = linux_watch_process(child.pid)
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }
}
