import FleetModel
import Foundation
import Glibc
import Testing
import Wire

@testable import FleetLink

/// Links through a real sshd to a real agent.
@Suite(.serialized, .timeLimit(.minutes(1))) struct `a link over SSH` {
    /// A link and what it tells.
    final class Listener {
        let link: NodeLink
        private var events: AsyncStream<LinkEvent>.Iterator

        init(_ address: SSHAddress, _ home: CoordinatorHome) {
            link = NodeLink(node: NodeID(rawValue: "n"), transport: .ssh(address), home: home)
            events = link.events.makeAsyncIterator()
        }

        deinit { link.close() }

        func next() async throws -> LinkEvent { try #require(await events.next(isolation: #isolation)) }

        func connected() async throws {
            while true { if case .connected = try await next() { return } }
        }

        func failure() async throws -> (LinkFailure, Double) {
            while true {
                if case .disconnected(let failure, let seconds) = try await next() {
                    return (failure, seconds)
                }
            }
        }

        func inventory() async throws -> Inventory {
            link.send(.survey)
            while true { if case .news(.inventory(let it)) = try await next() { return it } }
        }
    }

    @Test func `an agent answers through sshd, in the home that the forced command names`() async throws {
        let sshd = try Sshd()
        let node = Listener(sshd.address, sshd.home)
        try await node.connected()
        #expect(try await node.inventory().slots.count == 2)
        #expect(FileManager.default.fileExists(atPath: sshd.agentHome + "/agent.sock"))
    }

    @Test func `noise of a login script is skipped, also without an end of its last line`() async throws {
        let sshd = try Sshd(noise: "echo Welcome; printf 'no end: '; ")
        let node = Listener(sshd.address, sshd.home)
        try await node.connected()
        #expect(try await node.inventory().slots.count == 2)
    }

    @Test func `a connection that is cut comes back, again and again`() async throws {
        let sshd = try Sshd()
        let node = Listener(sshd.address, sshd.home)
        for _ in 0..<3 {
            try await node.connected()
            #expect(try await node.inventory().slots.count == 2)
            for pid in sshd.sessions { kill(pid, SIGKILL) }
            let (failure, seconds) = try await node.failure()
            guard case .lost = failure else {
                Issue.record("it is told as \(failure)")
                return
            }
            #expect(seconds <= 0.1)
        }
    }

    @Test func `a host that is down is told, and found again when it is back`() async throws {
        let sshd = try Sshd()
        sshd.stop()
        let node = Listener(sshd.address, sshd.home)
        let (failure, _) = try await node.failure()
        #expect("\(failure)".contains("127.0.0.1 does not answer: Connection refused"))
        try sshd.start()
        try await node.connected()
    }

    @Test func `a host whose key has changed is not talked to, and not tried again`() async throws {
        let sshd = try Sshd()
        let address = sshd.address
        sshd.stop()
        try sshd.makeHostKey()
        try sshd.start()
        let node = Listener(address, sshd.home)
        let (failure, seconds) = try await node.failure()
        #expect(failure == .hostKeyChanged(host: "127.0.0.1", found: sshd.hostKey.description))
        #expect(seconds == .infinity)
        // Our key was never shown.
        let log = try String(contentsOfFile: sshd.folder + "/log", encoding: .utf8)
        #expect(!log.contains("publickey"))
    }

    @Test func `a key that the host does not know is told, with what to do`() async throws {
        let sshd = try Sshd()
        try "".write(toFile: sshd.folder + "/authorized_keys", atomically: true, encoding: .utf8)
        let (failure, seconds) = try await Listener(sshd.address, sshd.home).failure()
        #expect("\(failure)".contains("Enrol the node again"))
        #expect(seconds >= 30)
    }

    @Test(arguments: [0o600, 0o644])
    func `a bad key of the coordinator's own is not the node's fault`(mode: mode_t) async throws {
        let sshd = try Sshd()
        if mode == 0o600 { try Data("no key".utf8).write(to: URL(fileURLWithPath: sshd.home.key)) }
        chmod(sshd.home.key, mode)
        let said = "\(try await Listener(sshd.address, sshd.home).failure().0)"
        #expect(said.hasPrefix("this coordinator cannot use its own key: "), "\(said)")
        #expect(said.contains(sshd.home.key) && !said.contains("127.0.0.1"), "\(said)")
        #expect(!said.contains("Enrol the node again"), "\(said)")
    }

    @Test func `a login that takes too long is told as that, with what came meanwhile`() async throws {
        let sshd = try Sshd(noise: "echo Welcome; sleep 100; ")
        let (failure, _) = try await Listener(sshd.address, sshd.home).failure()
        #expect(
            "\(failure)" == "the agent did not answer within 15 s; what came instead: Welcome", "\(failure)")
    }

    @Test func `a host that freezes is given up, and the others go on meanwhile`() async throws {
        let (frozen, alive) = (try Sshd(), try Sshd())
        let (first, second) = (Listener(frozen.address, frozen.home), Listener(alive.address, alive.home))
        try await first.connected()
        try await second.connected()
        frozen.freeze()
        defer { frozen.thaw() }
        let start = ContinuousClock.now
        let (failure, _) = try await first.failure()
        #expect("\(failure)".contains("nothing was heard for"))
        #expect(ContinuousClock.now - start < .seconds(10))
        #expect(try await second.inventory().slots.count == 2)
    }

    @Test func `a bulk channel has a connection of its own`() async throws {
        let sshd = try Sshd()
        let node = Listener(sshd.address, sshd.home)
        try await node.connected()
        let log = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
        let folder = sshd.agentHome + "/runs/" + `a bulk channel`.run.folder
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(log).write(to: URL(fileURLWithPath: folder + "/stdout.log"))
        let channel = try node.link.openBulk()
        #expect(try channel.log(of: `a bulk channel`.run, .stdout, limit: 1 << 26) == log)
        channel.endWriting()
        #expect(try channel.hasEnded)
        #expect(sshd.sessions.count == 2)
    }

    @Test func `a channel that is handed back serves again, and one that has died meanwhile does not`()
        async throws
    {
        let sshd = try Sshd()
        let node = Listener(sshd.address, sshd.home)
        try await node.connected()
        let control = Set(sshd.sessions)
        func use() throws {
            let channel = try node.link.openBulk()
            #expect(try channel.log(of: `a bulk channel`.run, .stdout, limit: 10) == [])
            channel.handBack()
        }
        for _ in 0..<3 { try use() }
        let bulk = Set(sshd.sessions).subtracting(control)
        #expect(bulk.count == 1)
        for pid in bulk { kill(pid, SIGKILL) }
        while !bulk.isDisjoint(with: sshd.sessions) { try await Task.sleep(for: .milliseconds(5)) }
        try use()
    }

    @Test func `what is closed leaves no socket open, whoever closed it`() async throws {
        let sshd = try Sshd()
        do {
            let node = Listener(sshd.address, sshd.home)
            try await node.connected()
            for _ in 0..<2 { try node.link.openBulk().endWriting() }
            #expect(try sshd.clients() > 0)
            for pid in sshd.sessions.prefix(1) { kill(pid, SIGKILL) }
        }
        while try sshd.clients() > 0 { try await Task.sleep(for: .milliseconds(5)) }
    }

    @Test func `with the installed key, a stock client gets the agent and nothing else`() async throws {
        let sshd = try Sshd()
        let node = Listener(sshd.address, sshd.home)
        try await node.connected()
        let known = "[127.0.0.1]:\(sshd.port) \(sshd.hostKey)\n"
        try known.write(toFile: sshd.folder + "/known", atomically: true, encoding: .utf8)
        let options = [
            "-F", "none", "-i", sshd.home.key, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o",
            "UserKnownHostsFile=\(sshd.folder)/known",
        ]
        let ssh = ["ssh", "-p", "\(sshd.port)"] + options
        let host = "\(Sshd.user)@127.0.0.1"
        for command in ["id", "/bin/bash -i", "attach; id", "bulk\nid", "sh -c id"] {
            let answer = try Sshd.run(ssh + [host, command])
            #expect(answer.exit != 0 && !answer.output.contains("uid="), "\(command): \(answer)")
            #expect(answer.output.contains("this key talks to iterhpo's agent"), "\(command): \(answer)")
        }
        let terminal = try Sshd.run(ssh + ["-tt", host, "attach"])
        #expect(terminal.output.contains("PTY allocation request failed"), "\(terminal)")
        let forward = try Sshd.run(
            ssh + ["-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:22", host, "attach"])
        #expect(forward.output.contains("remote port forwarding failed"), "\(forward)")
        let tunnel = try Sshd.run(ssh + ["-W", "127.0.0.1:\(sshd.port)", host])
        #expect(tunnel.exit != 0 && !tunnel.output.contains("SSH-2.0"), "\(tunnel)")
        for program in [["sftp", "-P"], ["scp", "-O", "-P"], ["scp", "-P"]] {
            let copy = program + ["\(sshd.port)"] + options + ["\(host):/etc/hostname", sshd.folder + "/got"]
            #expect(try Sshd.run(copy).exit != 0)
            #expect(!FileManager.default.fileExists(atPath: sshd.folder + "/got"))
        }
    }
}

@Suite struct `the way to a host` {
    static let address = SSHAddress(
        host: "gpu1", port: nil, user: "ann", hostKeys: [HostKey("ssh-ed25519 AAAAC3Nz")!])

    @Test func `aliases, ports and jump hosts are as ssh has them`() throws {
        let said = "user ann\nhostname 10.0.0.7\nport 2222\nproxyjump bob@gate:2200,inner\n"
        let route = try Route(reading: said, address: Self.address)
        #expect(route.host == "10.0.0.7")
        #expect(route.port == 2222)
        #expect(
            route.jumpCommand == [
                "ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-J", "bob@gate:2200", "-W",
                "[10.0.0.7]:2222", "--", "inner",
            ])
    }

    @Test func `without a configuration the address is taken as it stands`() throws {
        let route = try Route(reading: "", address: Self.address)
        #expect(route.host == "gpu1" && route.port == 22 && route.jumpCommand == nil)
    }

    @Test func `a command that needs a shell is refused`() {
        #expect(throws: LinkFailure.self) {
            try Route(reading: "hostname h\nproxycommand nc %h %p\n", address: Self.address)
        }
    }
}
