import ArgumentParser
import Glibc
import Spawn

/// The bridge between a coordinator's pipe or SSH channel and the daemon.
struct Attach: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Connects stdin and stdout with the daemon, and starts it where none runs.",
        discussion: """
            This is what a coordinator runs, on this machine or through SSH. A daemon that is started here \
            ends by itself when it had nothing to do for 30 s.

            EXAMPLE
              agent attach --home ~/.iterhpo/agent
            """)

    /// How long a daemon that was started here waits for work, in seconds.
    static let linger = 30.0
    /// How long a daemon may take to answer, in seconds.
    static let patience = 10.0

    @OptionGroup var arguments: DaemonArguments

    @Flag(help: "Serve one bulk channel instead: checkpoints and logs, without the daemon.")
    var bulk = false

    func run() throws {
        // What else our starter had open would stay open in the daemon.
        for name in names(in: "/proc/self/fd") {
            if let descriptor = Int32(name), descriptor > 2 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        }
        signal(SIGPIPE, SIG_IGN)
        let home = try Home(opening: arguments.home)
        if bulk { return try BulkService(home, input: 0, output: 1).serve() }
        let daemon = try home.connect() ?? start(home)
        onOwnThread {
            copy(from: 0, to: daemon)
            Glibc.exit(0)
        }
        copy(from: daemon, to: 1)
    }

    /// Starts the daemon in a session of its own and connects to it.
    private func start(_ home: Home) throws -> Int32 {
        let ready = try Pipe()
        let errors = try checked("open \(home.log)") {
            open(home.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        }
        defer {
            close(ready.reading)
            close(errors)
        }
        var program = Program(
            [absolute("/proc/self/exe")] + arguments.serving(home, linger: arguments.linger ?? Self.linger))
        (program.output, program.errors, program.leadsSession) = (ready.writing, errors, true)
        let daemon = try program.spawn()
        close(ready.writing)
        return try connect(home, to: daemon, ready: ready.reading)
    }

    /// Waits until the daemon says that it listens. One that loses the race for the home ends without a
    /// word; then the winner answers soon.
    private func connect(_ home: Home, to daemon: ChildProcess, ready: Int32) throws -> Int32 {
        let deadline = monotonicSeconds() + Self.patience
        var wait = pollfd(fd: ready, events: Int16(POLLIN), revents: 0)
        _ = poll(&wait, 1, Int32(Self.patience * 1_000))
        while monotonicSeconds() < deadline {
            if let connection = try home.connect() { return connection }
            usleep(5_000)
            if daemon.endIfOver() != nil, try home.takeDaemonLock() { break }
        }
        let log = endOfFile(home.log, limit: 4_096).map { String(decoding: $0.bytes, as: UTF8.self) } ?? ""
        let lines = log.split(whereSeparator: \.isNewline).suffix(5).joined(separator: "\n  ")
        throw AgentError("the daemon of \(home.path) does not answer. The end of \(home.log):\n  \(lines)")
    }
}

/// Copies until either side ends.
private func copy(from source: Int32, to target: Int32) {
    while case .bytes(let bytes) = receive(source) {
        do { try writeAll(bytes, to: target) } catch { return }
    }
}
