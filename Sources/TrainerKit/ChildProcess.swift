import CLinux
import Glibc

/// How a process ended.
package enum ProcessEnd: Hashable {
    case exit(Int)
    case signal(Int)

    /// From what waitpid(2) answers.
    package init(status: Int32) {
        let signal = status & 0x7f
        self = signal == 0 ? .exit(Int(status >> 8) & 0xff) : .signal(Int(signal))
    }
}

/// A program started by posix_spawn(3): argument vector only, its own process group, default signals.
///
/// Not swift-subprocess: the supervisor is one thread around one poll(2), where back-pressure, time limits,
/// the stop file and orphans meet in one place, and it alone must reap, because it is a subreaper.
package struct ChildProcess {
    /// Leads the process group.
    package let pid: Int32

    /// Starts `arguments` with descriptors 1, 2, … connected to `outputs` and 0 to the file `input`.
    package init(
        _ arguments: [String], executable: String? = nil, environment: [String: String], folder: String,
        input: String = "/dev/null", outputs: [Int32]
    ) throws(POSIXFault) {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        for (target, source) in outputs.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, source, Int32(target + 1))
        }
        linux_spawn_in_folder(&actions, folder)
        Self.useOwnGroupAndDefaultSignals(&attributes)
        var pid: pid_t = 0
        let code = withCStrings(arguments) { argv in
            withCStrings(environment.map { "\($0)=\($1)" }) { envp in
                posix_spawnp(&pid, executable ?? arguments[0], &actions, &attributes, argv, envp)
            }
        }
        guard code == 0 else { throw POSIXFault("start \(arguments[0]) in \(folder)", code: code) }
        self.pid = pid
    }

    private static func useOwnGroupAndDefaultSignals(_ attributes: inout posix_spawnattr_t) {
        var all = sigset_t()
        var none = sigset_t()
        sigfillset(&all)
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    }

    /// Sends a signal to the whole process group.
    package func signalGroup(_ signal: Int32) {
        kill(-pid, signal)
    }

    /// Waits for this child's end, and reaps it.
    package func wait() -> ProcessEnd {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return ProcessEnd(status: status)
    }

    /// This child's end, if it has come; it is reaped then.
    package func endIfOver() -> ProcessEnd? {
        var status: Int32 = 0
        return waitpid(pid, &status, WNOHANG) == pid ? ProcessEnd(status: status) : nil
    }

    /// Reaps everything that has ended, adopted orphans too; this child's end, if it was among them.
    func reaped() -> ProcessEnd? {
        var end: ProcessEnd?
        var status: Int32 = 0
        while case let ended = waitpid(-1, &status, WNOHANG), ended > 0 {
            if ended == pid { end = ProcessEnd(status: status) }
        }
        return end
    }
}

/// A C array of C strings with its closing null. Bytes after a NUL inside a string are lost, as in any argv.
private func withCStrings<Value>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Value
) -> Value {
    let pointers = strings.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeBufferPointer { body($0.baseAddress!) }
}

/// A pipe whose ends close on exec; reading never blocks, writing waits while the pipe is full.
struct Pipe {
    let reading: Int32
    let writing: Int32

    init() throws(POSIXFault) {
        var ends: [Int32] = [0, 0]
        guard linux_pipe(&ends) == 0 else { throw POSIXFault("make a pipe") }
        (reading, writing) = (ends[0], ends[1])
    }
}
