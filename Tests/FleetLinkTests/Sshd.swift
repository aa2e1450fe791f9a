import Foundation
import Glibc
import Spawn
import Wire

@testable import FleetLink

/// A real sshd on loopback, with host keys of its own, that lets one coordinator's key in and starts a real
/// agent for it. It ends with this object.
final class Sshd {
    let folder: String
    let port: Int
    let home: CoordinatorHome
    /// Stands before the agent in the forced command, as a login script's chatter would.
    private let noise: String
    private var process: ChildProcess?

    static let user = String(cString: getpwuid(getuid()).pointee.pw_name)

    init(noise: String = "") throws {
        folder = "/tmp/hpo-sshd-" + String(UInt32.random(in: 0...UInt32.max), radix: 36)
        port = Int.random(in: 20_000..<32_000)
        self.noise = noise
        home = CoordinatorHome(path: folder + "/head")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try? FileManager.default.createDirectory(atPath: "/run/sshd", withIntermediateDirectories: true)
        try makeHostKey()
        try configure()
        try start()
    }

    deinit {
        stop()
        if let lock = contents(agentHome + "/agent.lock"),
            let pid = Int32(
                String(decoding: lock, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
        {
            kill(pid, SIGKILL)
        }
        try? FileManager.default.removeItem(atPath: folder)
    }

    var agentHome: String { folder + "/agent" }

    var hostKey: HostKey {
        HostKey(String(decoding: contents(folder + "/host.pub") ?? [], as: UTF8.self))!
    }

    var address: SSHAddress {
        SSHAddress(host: "127.0.0.1", port: port, user: Self.user, hostKeys: [hostKey])
    }

    /// How many sockets some process holds that lead here, also where the connection is over.
    func clients() throws -> Int {
        // Foundation reads no more than a page of a file whose size nobody tells.
        guard let bytes = contents("/proc/net/tcp") else { throw CocoaError(.fileReadUnknown) }
        let table = String(decoding: bytes, as: UTF8.self)
        // A row: number, own address, the other side's, state, …, and tenth the inode, 0 where nobody holds it.
        return table.split(separator: "\n").map { $0.split(separator: " ") }.count {
            $0.count > 9 && $0[2].hasSuffix(":" + String(port, radix: 16, uppercase: true)) && $0[9] != "0"
        }
    }

    func makeHostKey() throws {
        for name in ["host", "host.pub"] { unlink("\(folder)/\(name)") }
        try Self.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder + "/host"])
    }

    private func configure() throws {
        let agent = `a link`.agent
        let command = "\(noise)\(agent) attach --home \(agentHome) --cpu-slots 2 --linger 2"
        try "restrict,command=\"\(command)\" \(try home.publicKey())\n"
            .write(toFile: folder + "/authorized_keys", atomically: true, encoding: .utf8)
        try """
        Port \(port)
        ListenAddress 127.0.0.1
        HostKey \(folder)/host
        PidFile \(folder)/pid
        AuthorizedKeysFile \(folder)/authorized_keys
        StrictModes no
        UsePAM no
        PasswordAuthentication no
        KbdInteractiveAuthentication no
        PermitRootLogin prohibit-password
        UseDNS no
        PrintMotd no
        PrintLastLog no
        MaxStartups 1000
        Subsystem sftp internal-sftp
        """.write(toFile: folder + "/config", atomically: true, encoding: .utf8)
    }

    /// Starts it, and returns once it listens.
    func start() throws {
        var program = Program(["/usr/sbin/sshd", "-D", "-f", folder + "/config", "-E", folder + "/log"])
        program.leadsSession = true
        process = try program.spawn()
        for _ in 0..<1_000 where !listens { usleep(5_000) }
    }

    private var listens: Bool {
        (contents(folder + "/log").map { String(decoding: $0, as: UTF8.self) } ?? "").contains("listening on")
    }

    /// Ends the listener and every session of it.
    func stop() {
        guard let process else { return }
        for pid in sessions + [process.pid] { kill(pid, SIGKILL) }
        process.wait()
        self.process = nil
        unlink(folder + "/log")
    }

    /// The processes that serve a connection each, oldest first.
    var sessions: [Int32] {
        guard let process else { return [] }
        return Self.children(of: process.pid)
    }

    /// Stops the listener's process, so that connections open and nobody answers.
    func freeze() { signal(SIGSTOP) }
    func thaw() { signal(SIGCONT) }

    private func signal(_ number: Int32) {
        guard let process else { return }
        for pid in [process.pid] + sessions + sessions.flatMap(Self.children) { kill(pid, number) }
    }

    static func children(of parent: Int32) -> [Int32] {
        names(in: "/proc").compactMap { Int32($0) }.filter { pid in
            guard let status = contents("/proc/\(pid)/stat") else { return false }
            let fields = String(decoding: status, as: UTF8.self).split(separator: ")").last?.split(
                separator: " ")
            return fields.map { $0.count > 1 && Int32($0[1]) == parent } ?? false
        }.sorted()
    }

    /// What a program says on both outputs, and its exit code.
    @discardableResult
    static func run(_ arguments: [String]) throws -> (exit: Int32, output: String) {
        let said = try Program(arguments).capture(withErrors: true)
        return (said.end.code, said.text)
    }
}
