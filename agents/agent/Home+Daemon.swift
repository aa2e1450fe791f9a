import FleetModel
import Glibc
import Spawn
import Wire

/// Reaching the daemon of a home from the programs that a person or sshd starts.
extension Home {
    /// How long a daemon that was started in passing waits for work, in seconds.
    private static let linger = 30.0
    /// How long a daemon may take to answer or to end, in seconds.
    private static let patience = 10.0

    /// A connection to the daemon, which is started where none runs.
    func reachDaemon(_ arguments: DaemonArguments) throws -> Int32 {
        try connect() ?? start(arguments)
    }

    /// What the daemon offers, as a first inventory: it waits for nvidia-smi and every plugin.
    func survey(_ arguments: DaemonArguments) throws -> Inventory {
        try askForInventory(over: try reachDaemon(arguments))
    }

    /// Asks on a connection, which is closed then.
    func askForInventory(over connection: Int32) throws -> Inventory {
        defer { close(connection) }
        let order = try Lines.encode(Order.survey)
        try writeAll(order, to: connection)
        var reader = NewsReader()
        while case .bytes(let bytes) = receive(connection) {
            for case .inventory(let inventory) in try reader.take(bytes) { return inventory }
        }
        throw AgentError("the daemon ended without an answer: see \(log)")
    }

    /// Ends the daemon, if one runs, and waits for its end. Runs go on, and the next daemon takes them up.
    func endDaemon() throws {
        let deadline = monotonicSeconds() + Self.patience
        while try openLocked(lock, mode: 0o600).map({ close($0) }) == nil {
            let text = contents(lock).map { trimmed(String(decoding: $0, as: UTF8.self)) }
            if let pid = text.flatMap({ Int32($0) }), pid > 1 { kill(pid, SIGTERM) }
            usleep(5_000)
            guard monotonicSeconds() < deadline else {
                throw AgentError("the daemon of \(path), process \(text ?? "?"), does not end: kill it")
            }
        }
    }

    /// Starts the daemon in a session of its own and connects to it.
    private func start(_ arguments: DaemonArguments) throws -> Int32 {
        let ready = try Pipe()
        let errors = try checked("open \(log)") {
            open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        }
        defer {
            close(ready.reading)
            close(errors)
        }
        var program = Program(
            [absolute("/proc/self/exe")] + arguments.serving(self, linger: arguments.linger ?? Self.linger))
        (program.output, program.errors, program.leadsSession) = (ready.writing, errors, true)
        let daemon = try program.spawn()
        close(ready.writing)
        return try connect(to: daemon, ready: ready.reading)
    }

    /// Waits until the daemon says that it listens. One that loses the race for the home ends without a
    /// word; then the winner answers soon.
    private func connect(to daemon: ChildProcess, ready: Int32) throws -> Int32 {
        let deadline = monotonicSeconds() + Self.patience
        var wait = pollfd(fd: ready, events: Int16(POLLIN), revents: 0)
        _ = poll(&wait, 1, Int32(Self.patience * 1_000))
        while monotonicSeconds() < deadline {
            if let connection = try connect() { return connection }
            usleep(5_000)
            if daemon.endIfOver() != nil, try takeDaemonLock() { break }
        }
        let said = endOfFile(log, limit: 4_096).map { String(decoding: $0.bytes, as: UTF8.self) } ?? ""
        let lines = said.split(whereSeparator: \.isNewline).suffix(5).joined(separator: "\n  ")
        throw AgentError("the daemon of \(path) does not answer. The end of \(self.log):\n  \(lines)")
    }
}
