package import Glibc

/// A program to start. Arguments are passed as they are; there is no shell anywhere.
package struct Command {
    /// A path, or a name to look for in PATH.
    package var program: String
    package var arguments: [String]
    /// Added to our own environment.
    package var environment: [String: String] = [:]
    /// Descriptors that become 0, 1 and 2 of the child; nil is /dev/null.
    package var input: Int32?
    package var output: Int32?
    package var errors: Int32?
    /// Whether it leads a session of its own, and so outlives us and our terminal.
    package var leadsSession = false

    package init(_ program: String, _ arguments: [String]) {
        self.program = program
        self.arguments = arguments
    }

    /// Starts it; it inherits the current folder, default signal handling, and no descriptors but the three.
    package func spawn() throws(SystemError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        for (target, source) in [input, output, errors].enumerated() {
            if let source {
                posix_spawn_file_actions_adddup2(&actions, source, Int32(target))
            } else {
                posix_spawn_file_actions_addopen(&actions, Int32(target), "/dev/null", O_RDWR, 0)
            }
        }
        var every = sigset_t()
        sigfillset(&every)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &every)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, flags)
        return try start(&actions, &attributes)
    }

    private var flags: Int16 {
        // POSIX_SPAWN_SETSID of <spawn.h>, hidden from Swift behind _GNU_SOURCE.
        let ownSession: Int32 = 0x80
        return Int16(
            Int32(POSIX_SPAWN_SETSIGDEF) | Int32(POSIX_SPAWN_SETSIGMASK) | (leadsSession ? ownSession : 0))
    }

    private func start(
        _ actions: inout posix_spawn_file_actions_t, _ attributes: inout posix_spawnattr_t
    ) throws(SystemError) -> pid_t {
        var variables: [String] = environment.map { "\($0.key)=\($0.value)" }
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            let name = text.prefix { $0 != "=" }
            if environment[String(name)] == nil { variables.append(text) }
            next += 1
        }
        var argv = ([program] + arguments).map { strdup($0) } + [nil]
        var envp = variables.map { strdup($0) } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var pid = pid_t()
        let code = posix_spawnp(&pid, program, &actions, &attributes, &argv, &envp)
        if code != 0 { throw SystemError("start \(program)", code: code) }
        return pid
    }
}

/// How a child ended.
package enum ChildExit: Hashable {
    case exit(Int32)
    case signal(Int32)

    fileprivate init(status: Int32) {
        let signal = status & 0x7f
        self = signal == 0 ? .exit((status >> 8) & 0xff) : .signal(signal)
    }
}

/// How the child ended; nil as long as it lives. The end is told once.
package func reap(_ pid: pid_t, waiting: Bool = false) -> ChildExit? {
    var status: Int32 = 0
    while true {
        let answer = waitpid(pid, &status, waiting ? 0 : WNOHANG)
        if answer == pid { return ChildExit(status: status) }
        if answer == -1, errno == EINTR { continue }
        return nil
    }
}
