import FoundationEssentials
import Glibc
import Spawn

/// What is wrong with the home or the daemon, and what to do, in one sentence.
struct AgentError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// The folder of one agent: `agent.sock`, `agent.lock`, `agent.log`, `runs/`, `plugins/`.
struct Home {
    /// The longest path that fits into `sockaddr_un`, without its zero. Bytes.
    static let longestSocketPath = 107
    static let variable = "ITERHPO_AGENT_HOME"

    /// Absolute and without links, so that every agent gives a trial folder the same path.
    let path: String

    var socket: String { path + "/agent.sock" }
    var lock: String { path + "/agent.lock" }
    var log: String { path + "/agent.log" }
    var runs: String { path + "/runs" }
    var plugins: String { path + "/plugins" }

    /// The home at `given`, or at `$ITERHPO_AGENT_HOME`, or at `~/.iterhpo/agent`; made if it is not there.
    init(opening given: String?) throws {
        let wanted = Self.wanted(given)
        do throws(SystemError) {
            try makeFolders(wanted)
        } catch {
            throw AgentError(
                "cannot make the agent's home \(wanted): \(error.reason); choose another place with --home")
        }
        guard let real = realpath(wanted, nil) else { throw SystemError("open the agent's home \(wanted)") }
        defer { free(real) }
        path = String(cString: real)
        guard socket.utf8.count <= Self.longestSocketPath else {
            throw AgentError(
                "the socket's path \(socket) has \(socket.utf8.count) bytes, at most "
                    + "\(Self.longestSocketPath) are possible: choose a shorter --home")
        }
        try checked("protect \(path)") { chmod(path, 0o700) }
    }

    private static func wanted(_ given: String?) -> String {
        let environment = ProcessInfo.processInfo.environment
        if let path = given ?? environment[variable], !path.isEmpty { return path }
        let user = environment["HOME"] ?? getpwuid(getuid()).map { String(cString: $0.pointee.pw_dir) } ?? "."
        return user + "/.iterhpo/agent"
    }

    /// Takes the place of this home's only daemon, for as long as this process lives; false where another has it.
    func takeDaemonLock() throws -> Bool {
        guard let descriptor = try openLocked(lock, mode: 0o600) else { return false }
        // For people, and for whoever wants to end the daemon.
        let pid = Array("\(getpid())\n".utf8)
        _ = ftruncate(descriptor, 0)
        _ = write(descriptor, pid, pid.count)
        return true
    }

    /// Listens at `socket`. What an earlier daemon left there is removed; only who holds the daemon lock
    /// may call this.
    func listen() throws -> Int32 {
        let listener = try Self.newSocket()
        unlink(socket)
        let mask = umask(0o177)
        defer { umask(mask) }
        try withAddress { address, size in
            try checked("listen at \(socket)") { bind(listener, address, size) }
        }
        try checked("listen at \(socket)") { Glibc.listen(listener, 64) }
        makeNonBlocking(listener)
        return listener
    }

    /// A connection to the daemon; nil where none answers.
    func connect() throws -> Int32? {
        let connection = try Self.newSocket()
        var answer: Int32 = -1
        withAddress { address, size in answer = Glibc.connect(connection, address, size) }
        if answer == 0 { return connection }
        close(connection)
        return nil
    }

    private static func newSocket() throws(SystemError) -> Int32 {
        try checked("make a socket") {
            Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        }
    }

    private func withAddress<Failure: Error>(
        _ body: (UnsafePointer<sockaddr>, socklen_t) throws(Failure) -> Void
    ) throws(Failure) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: socket.utf8) }
        let generic = withUnsafePointer(to: &address) {
            UnsafeRawPointer($0).assumingMemoryBound(to: sockaddr.self)
        }
        try body(generic, socklen_t(MemoryLayout<sockaddr_un>.size))
    }
}

/// Plain dated lines at the end of `agent.log`, UTC.
struct Log {
    private let descriptor: Int32

    init(_ home: Home) {
        descriptor = open(home.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    }

    func write(_ text: String) {
        var now = time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        var date = [CChar](repeating: 0, count: 32)
        let length = strftime(&date, date.count, "%Y-%m-%d %H:%M:%S ", &parts)
        let stamp = String(decoding: date[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let line = Array((stamp + text.replacing("\n", with: " ") + "\n").utf8)
        _ = Glibc.write(descriptor, line, line.count)
    }
}
