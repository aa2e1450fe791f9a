import CLibSSH
import Glibc
import Spawn
import Wire

/// One connection with one channel on which the agent's program runs.
///
/// Unchecked: a session passes from the thread that made it to the one that uses it, and is never used by
/// two at once, as libssh demands.
final class SSHSession: @unchecked Sendable {
    /// What the installed key makes of a command: see `agent attach`.
    enum Verb: String, Sendable {
        case attach, bulk
    }

    /// AES first: libssh would choose ChaCha20, at twice the cost where there are AES instructions.
    private static let ciphers =
        "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr"

    let socket: Int32
    private let session: ssh_session
    private var channel: ssh_channel?
    /// Kept as long as the session: with jump hosts, it is the process between us and the node.
    private let dial: Dial
    private let patience: Int
    /// What was heard while something was sent, and nobody has read yet.
    private var early: [UInt8] = []
    /// How much the other side may send before it hears that we have read it, in bytes; nil: as much as libssh lets it.
    private var window: Int?
    /// So many bytes may be read before the other side's window is widened again.
    private var untilWidened = 0

    /// Shakes hands, checks the host's key before ours is shown, and starts the agent. Blocks, at most
    /// `patience` seconds at each wait.
    init(
        over dial: Dial, to address: SSHAddress, verb: Verb, home: CoordinatorHome, patience: Int
    ) throws(LinkFailure) {
        (self.dial, self.patience) = (dial, patience)
        socket = dial.socket
        guard let session = ssh_new() else { preconditionFailure("there is no memory for a session") }
        self.session = session
        set(address, patience: patience)
        try connect(to: address)
        try check(address)
        try logIn(to: address, home)
        try start(verb)
    }

    deinit {
        if let channel { ssh_channel_free(channel) }
        // libssh closes its descriptor where the other side has gone, and leaves it open where we go.
        let left = ssh_get_fd(session)
        ssh_disconnect(session)
        ssh_free(session)
        if left >= 0 { close(left) }
    }

    private func set(_ address: SSHAddress, patience: Int) {
        func set(_ option: ssh_options_e, _ text: String) { ssh_options_set(session, option, text) }
        func set(_ option: ssh_options_e, _ number: Int32) {
            var number = number
            ssh_options_set(session, option, &number)
        }
        set(SSH_OPTIONS_PROCESS_CONFIG, 0)
        set(SSH_OPTIONS_HOST, address.host)
        set(SSH_OPTIONS_USER, address.user)
        // libssh closes its descriptor when it likes; ours lives as long as the dial.
        set(SSH_OPTIONS_FD, fcntl(socket, F_DUPFD_CLOEXEC, 0))
        var seconds = patience
        ssh_options_set(session, SSH_OPTIONS_TIMEOUT, &seconds)
        set(SSH_OPTIONS_CIPHERS_C_S, Self.ciphers)
        set(SSH_OPTIONS_CIPHERS_S_C, Self.ciphers)
        set(SSH_OPTIONS_HOSTKEYS, address.hostKeys.map(\.algorithms).joined(separator: ","))
    }

    private var error: String { String(cString: ssh_get_error(UnsafeMutableRawPointer(session))) }

    private func connect(to address: SSHAddress) throws(LinkFailure) {
        guard ssh_connect(session) != SSH_OK else { return }
        // libssh says so where the host has no key of a type that it had at its enrolment.
        guard error.contains("server host key algo") else {
            throw .unreachable(host: address.host, why: error)
        }
        throw .hostKeyChanged(host: address.host, found: "none of the type that is pinned")
    }

    private func check(_ address: SSHAddress) throws(LinkFailure) {
        var key: ssh_key?
        var text: UnsafeMutablePointer<CChar>?
        guard ssh_get_server_publickey(session, &key) == SSH_OK, let key else {
            throw .unreachable(host: address.host, why: error)
        }
        defer { ssh_key_free(key) }
        guard ssh_pki_export_pubkey_base64(key, &text) == SSH_OK, let text else {
            throw .unreachable(host: address.host, why: "its host key cannot be read")
        }
        defer { ssh_string_free_char(text) }
        let shown = HostKey(
            type: String(cString: ssh_key_type_to_char(ssh_key_type(key))), key: String(cString: text))
        guard !address.hostKeys.contains(where: { $0.key == shown.key }) else { return }
        throw .hostKeyChanged(host: address.host, found: "\(shown)")
    }

    private func logIn(to address: SSHAddress, _ home: CoordinatorHome) throws(LinkFailure) {
        let key: CoordinatorKey
        do {
            key = try CoordinatorKey(of: home)
        } catch {
            throw .ownKeyUnusable(why: "\(error)")
        }
        switch ssh_userauth_publickey(session, nil, key.key) {
        case Int32(SSH_AUTH_SUCCESS.rawValue): return
        case Int32(SSH_AUTH_DENIED.rawValue), Int32(SSH_AUTH_PARTIAL.rawValue):
            throw .keyRefused(
                user: address.user, host: address.host,
                why: "its authorized_keys has no line for this coordinator, or sshd does not read it")
        default: throw .unreachable(host: address.host, why: error)
        }
    }

    private func start(_ verb: Verb) throws(LinkFailure) {
        guard let channel = ssh_channel_new(session) else { throw .lost(why: error) }
        self.channel = channel
        let asked = monotonicSeconds()
        try waitForAnswer { ssh_channel_open_session(channel) }
        window = Self.window(roundTrip: monotonicSeconds() - asked)
        try waitForAnswer { ssh_channel_request_exec(channel, verb.rawValue) }
    }

    /// Takes one of libssh's steps to its end, and acknowledges what comes meanwhile.
    private func waitForAnswer(to step: () -> Int32) throws(LinkFailure) {
        ssh_set_blocking(session, 0)
        defer { ssh_set_blocking(session, 1) }
        let deadline = monotonicSeconds() + Double(patience)
        while true {
            switch step() {
            case SSH_OK: return
            case SSH_AGAIN:
                acknowledge()
                let events = POLLIN | (hasPendingOutput ? POLLOUT : 0)
                guard waitForSocket(events, until: deadline) else {
                    throw .lost(why: "the other side did nothing for \(patience) s")
                }
            default: throw .lost(why: error)
            }
        }
    }

    /// Whether the socket has one of the `events`, or a signal came, before the deadline.
    private func waitForSocket(_ events: Int32, until deadline: Double) -> Bool {
        var wait = pollfd(fd: socket, events: Int16(events), revents: 0)
        let left = deadline - monotonicSeconds()
        return left > 0 && poll(&wait, 1, Int32(left * 1_000) + 1) != 0
    }

    /// Acknowledges now what has come. sshd leaves Nagle's algorithm on for programs without a terminal: what it has
    /// to say next waits until what it said before is acknowledged, and where we have nothing to say ourselves, the
    /// system would put that off for 40 ms.
    func acknowledge() { setOption(TCP_QUICKACK, of: socket) }

    // MARK: talking

    /// From now on nothing blocks.
    func makeNonBlocking() { ssh_set_blocking(session, 0) }

    /// Whether bytes wait for the socket to take them.
    var hasPendingOutput: Bool { ssh_get_poll_flags(session) & SSH_WRITE_PENDING != 0 }

    /// Whether the agent has ended, or the connection.
    var isClosed: Bool { channel.map { ssh_channel_is_closed($0) != 0 } ?? true }

    var whyGone: String { ssh_is_connected(session) == 0 ? error : "" }

    /// What is there now, of stdout or stderr.
    func receive(errors: Bool = false, limit: Int = 1 << 16) -> Received {
        guard let channel else { return .end }
        var count: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, size in
            count = ssh_channel_read_nonblocking(channel, buffer.baseAddress, UInt32(limit), errors ? 1 : 0)
            size = Int(max(0, count))
        }
        if count > 0 { return .bytes(bytes) }
        return count == 0 && !isClosed ? .nothing : .end
    }

    /// Takes as many of the bytes as the other side's window allows; a dead connection takes none and shows
    /// when it is read.
    func send(_ bytes: some RandomAccessCollection<UInt8>) -> Int {
        guard let channel else { return 0 }
        let chunk = Array(bytes.prefix(1 << 18))
        return max(0, Int(ssh_channel_write(channel, chunk, UInt32(chunk.count))))
    }

    /// Writes out what waits.
    func flush() { _ = ssh_blocking_flush(session, 0) }

    /// Blocks until there are bytes of stdout; answers how many, 0 at the stream's end.
    func receiveWaiting(into memory: UnsafeMutableRawBufferPointer) throws(LinkFailure) -> Int {
        if early.isEmpty {
            guard let window, untilWidened <= 0 else {
                let count = try read(into: memory)
                untilWidened -= count
                return count
            }
            try widen(to: window)
        }
        let count = min(memory.count, early.count)
        memory.copyBytes(from: early[..<count])
        early.removeFirst(count)
        return count
    }

    /// Reads so that libssh opens the other side's window so far: it asks for what a read has room for. Once in a
    /// while is enough, and each time costs a packet.
    private func widen(to window: Int) throws(LinkFailure) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: window, alignment: 1)
        defer { memory.deallocate() }
        early += memory.prefix(try read(into: memory))
        untilWidened = window / 4
    }

    /// As much as one core deciphers while an answer is on its way, about 400 MB/s, and no more: what is under way
    /// when a connection is cut has to come again. libssh itself keeps the window between 0.6 and 1.2 MiB
    /// (WINDOWBASE of its channels.c). At most 4 MiB: 8 were slower at a round trip of 50 ms, 16 more so.
    ///
    /// - Parameter roundTrip: seconds, as the channel saw them: with jump hosts, TCP sees the first of them alone.
    private static func window(roundTrip: Double) -> Int? {
        roundTrip < 0.003 ? nil : Int(min(4, roundTrip * 400) * 1_048_576)
    }

    private func read(into memory: UnsafeMutableRawBufferPointer) throws(LinkFailure) -> Int {
        guard let channel else { return 0 }
        let count = ssh_channel_read(channel, memory.baseAddress, UInt32(memory.count), 0)
        if count > 0 || (count == 0 && ssh_channel_is_eof(channel) != 0) { return Int(count) }
        throw .lost(why: count == 0 ? "the other side did nothing for a long time" : error)
    }

    /// Blocks until all is on its way.
    func sendWaiting(_ bytes: UnsafeRawBufferPointer) throws(LinkFailure) {
        guard let channel else { return }
        var sent = 0
        while sent < bytes.count {
            let window = try waitForWindow(of: channel)
            let count = ssh_channel_write(
                channel, bytes.baseAddress! + sent, UInt32(min(bytes.count - sent, window, 1 << 20)))
            guard count > 0 else { throw .lost(why: count == 0 ? "the other side takes nothing" : error) }
            sent += Int(count)
        }
    }

    /// Waits until the other side takes something; answers how many bytes. What it says meanwhile is kept: while
    /// libssh holds any of it, it does not notice that the other side has closed the channel.
    private func waitForWindow(of channel: ssh_channel) throws(LinkFailure) -> Int {
        let deadline = monotonicSeconds() + Double(patience)
        while true {
            let window = Int(ssh_channel_window_size(channel))
            if window > 0 { return window }
            switch receive() {
            case .bytes(let bytes): early += bytes
            case .end: throw .lost(why: error.isEmpty ? "the other side has ended" : error)
            case .nothing:
                if ssh_channel_window_size(channel) > 0 { continue }
                guard waitForSocket(POLLIN, until: deadline) else {
                    throw .lost(why: "the other side took nothing for \(patience) s")
                }
            }
        }
    }

    func endSending() {
        if let channel { ssh_channel_send_eof(channel) }
    }
}
