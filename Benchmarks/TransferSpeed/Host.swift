import FleetLink
import FleetModel
import Foundation
import Spawn
import Wire

/// Another machine, as far as loopback can be one: a real sshd with keys and a cipher of its own, behind which
/// an agent serves the home `node`. This machine's agent serves the home `here`, at the end of a pipe.
///
/// sshd starts every command by the user's shell, and Debian's bash then reads `~/.bashrc` unless it is the inner
/// one of two: what stands there would be measured with each connection.
final class Host: Sendable {
    static let cipher = "aes128-gcm@openssh.com"

    let folder: String
    let port = Int.random(in: 20_000..<32_000)
    private let agent: String
    private let daemon: ChildProcess
    private let head: CoordinatorHome

    init(folder: String, agent: String) throws {
        (self.folder, self.agent) = (folder, agent)
        head = CoordinatorHome(path: folder + "/head")
        for name in ["host", "user"] {
            try run("/usr/bin/ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", "\(folder)/\(name)"])
        }
        let forced = "\(agent) attach --home \(folder)/node --cpu-slots 1 --linger 2"
        let user = try String(contentsOfFile: folder + "/user.pub", encoding: .utf8)
        try "restrict,command=\"\(forced)\" \(try head.publicKey())\n\(user)".write(
            toFile: folder + "/keys", atomically: true, encoding: .utf8)
        try """
        Port \(port)
        ListenAddress 127.0.0.1
        HostKey \(folder)/host
        PidFile \(folder)/pid
        AuthorizedKeysFile \(folder)/keys
        StrictModes no
        UsePAM no
        PasswordAuthentication no
        UseDNS no
        MaxStartups 1000
        SetEnv SHLVL=1
        Ciphers \(Self.cipher)
        Subsystem sftp internal-sftp
        """.write(toFile: folder + "/sshd", atomically: true, encoding: .utf8)
        // Where sshd's chroot before the login is missing it does not start; Debian makes it with the service.
        try? FileManager.default.createDirectory(atPath: "/run/sshd", withIntermediateDirectories: true)
        daemon = try Program(["/usr/sbin/sshd", "-D", "-f", folder + "/sshd", "-E", folder + "/log"]).spawn()
        while true {
            let log = (try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? ""
            if log.contains("listening on") { break }
            if let end = daemon.endIfOver() { throw Unexpected("sshd ended with \(end): \(log)") }
            usleep(10_000)
        }
    }

    deinit { daemon.signalGroup(SIGKILL) }

    func home(_ name: String) -> String { folder + "/" + name }

    /// Options of ssh for a program that runs it.
    /// - Parameter other: a port that leads here, too.
    func options(port other: Int? = nil) -> [String] {
        [
            "-F", "none", "-p", "\(other ?? port)", "-i", folder + "/user", "-o", "IdentitiesOnly=yes", "-o",
            "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-c",
            Self.cipher,
        ]
    }

    var user: String { NSUserName() }

    /// A link to the node through SSH; not yet connected.
    /// - Parameter other: a port that leads here, too.
    func link(named name: String, port other: Int? = nil) throws -> NodeLink {
        let text = try String(contentsOfFile: folder + "/host.pub", encoding: .utf8)
        guard let key = HostKey(text) else { throw Unexpected("ssh-keygen made no host key: \(text)") }
        let address = SSHAddress(host: "127.0.0.1", port: other ?? port, user: user, hostKeys: [key])
        return NodeLink(node: NodeID(rawValue: name), transport: .ssh(address), home: head)
    }

    /// The processes of sshd that serve a connection each.
    var sessions: [Int32] {
        let path = "/proc/\(daemon.pid)/task/\(daemon.pid)/children"
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        return text.split(separator: " ").compactMap { Int32($0) }
    }

    /// A link to the node through SSH, and one to this machine's agent.
    func links() async throws -> (node: NodeLink, here: NodeLink) {
        let node = try link(named: "node")
        let here = NodeLink(
            node: .local,
            transport: .pipe(
                executable: agent, arguments: ["attach", "--home", home("here"), "--linger", "2"])
        )
        return (try await connected(node), try await connected(here))
    }

    /// The link, once it is connected.
    func connected(_ link: NodeLink) async throws -> NodeLink {
        for await event in link.events {
            if case .connected = event { break }
            if case .disconnected(let failure, _) = event { throw Unexpected("no link: \(failure)") }
        }
        return link
    }

    /// Ends sshd and all its sessions.
    func stop() {
        for pid in [daemon.pid] + sessions { kill(pid, SIGKILL) }
    }

    /// Seconds of CPU that this process and all its descendants have used, sshd's and those that live too.
    func cpuSeconds() -> Double {
        var children: [Int32: [Int32]] = [:]
        var ticks: [Int32: Double] = [:]
        for pid in names(in: "/proc").compactMap({ Int32($0) }) {
            guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
                let end = stat.lastIndex(of: ")")
            else { continue }
            // Field 3 is the first after the name; 4 is the parent, 14 to 17 are the process's own times and those
            // of its ended children.
            let words = stat[stat.index(after: end)...].split(separator: " ")
            children[Int32(words[1]) ?? 0, default: []].append(pid)
            ticks[pid] = words[11...14].reduce(0) { $0 + (Double($1) ?? 0) }
        }
        var (sum, open) = (0.0, [getpid()])
        while let pid = open.popLast() {
            sum += ticks[pid] ?? 0
            open += children[pid] ?? []
        }
        return sum / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}

/// Something that this program relies on is not so.
struct Unexpected: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Runs a program to its end; answers what it printed.
@discardableResult
func run(_ program: String, _ arguments: [String]) throws -> String {
    var order = Program([program] + arguments)
    order.errors = STDERR_FILENO
    let said = try order.capture()
    guard said.end == .exit(0) else { throw Unexpected("\(program) \(arguments) ended with \(said.end)") }
    return said.text
}
