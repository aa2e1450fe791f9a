import FleetModel
import Foundation
import Glibc
import Testing
import Wire

@testable import agent

@Suite final class `the authorized keys` {
    let folder = "/tmp/hpo-keys-\(UInt32.random(in: 0...UInt32.max))"
    var file: AuthorizedKeys { AuthorizedKeys(path: folder + "/.ssh/authorized_keys") }
    let key = HostKey("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOurs")!
    let command = ["/opt/agent", "attach", "--home", "/h"]

    init() throws { mkdir(folder, 0o755) }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    var text: String { (try? String(contentsOfFile: file.path, encoding: .utf8)) ?? "" }

    func install(_ command: [String]? = nil) throws -> Bool {
        try file.install(key, command: command ?? self.command, comment: "coordinator@head")
    }

    func mode(_ path: String) -> mode_t {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
    }

    @Test func `a file that is not there is made for its owner only`() throws {
        #expect(try install())
        #expect(
            text == "restrict,command=\"/opt/agent attach --home /h\" \(key) iterhpo coordinator@head\n")
        #expect(mode(file.path) == 0o600 && mode(folder + "/.ssh") == 0o700)
        #expect(try !install())
    }

    @Test func `other lines, the mode and the link to the file stay as they are`() throws {
        mkdir(folder + "/.ssh", 0o700)
        let others = "# \u{fffd}mine\n\nssh-rsa AAAAB3 me@home\n  # \(key) is no key\nlast"
        try others.write(toFile: folder + "/real", atomically: false, encoding: .utf8)
        chmod(folder + "/real", 0o644)
        #expect(symlink(folder + "/real", file.path) == 0)
        #expect(try install())
        #expect(text.hasPrefix(others + "\nrestrict,command=\"/opt/agent attach"))
        #expect(mode(folder + "/real") == 0o644)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: file.path) == folder + "/real")
        #expect(try file.remove(home: "/h") == 1)
        #expect(text == others + "\n")
    }

    @Test func `a line that lets our key do more is replaced, and doubles go`() throws {
        mkdir(folder + "/.ssh", 0o700)
        try "\(key) all\nother\n\(key) twice\n".write(toFile: file.path, atomically: false, encoding: .utf8)
        #expect(try install(["/new/agent", "attach", "--home", "/h"]))
        #expect(
            text
                == "restrict,command=\"/new/agent attach --home /h\" \(key) iterhpo coordinator@head\nother\n"
        )
    }

    @Test(arguments: ["x\nssh-ed25519 AAAA evil", "x\rssh-ed25519 AAAA evil", "x\u{0}", "x\u{85}y"])
    func `a comment can begin no line of its own`(comment: String) throws {
        #expect(throws: AgentError.self) {
            try file.install(key, command: command, comment: comment)
        }
        #expect(text == "")
    }

    func write(_ lines: String...) throws {
        mkdir(folder + "/.ssh", 0o700)
        try lines.map { $0 + "\n" }.joined().write(toFile: file.path, atomically: false, encoding: .utf8)
    }

    @Test func `a home is found and left by its whole name`() throws {
        try write("restrict,command=\"/opt/agent attach --home /h/agent2 --cpu-slots 4\" \(key) iterhpo x")
        #expect(!file.has(home: "/h/agent") && !file.has(home: "/h/agent2 --cpu-slots"))
        #expect(try file.remove(home: "/h/agent") == 0)
        #expect(file.has(home: "/h/agent2"))
        #expect(try file.remove(home: "/h/agent2") == 1)
        #expect(text == "")
    }

    @Test func `a home in quotes is found, one in a comment or another command is not`() throws {
        let (h, own) = ("attach --home", "\(key) iterhpo x")
        try write(
            "command=\"/opt/agent \(h) \\\"/h/a b\\\"\",no-pty \(own)",
            "command=\"/opt/agent \(h)='/h/c d'\" \(own)",
            "# command=\"/opt/agent \(h) /h/e\" \(own)",
            "command=\"/bin/echo \(h)\" \(key) iterhpo attach --home /h/f",
            "command=\"/opt/agent \(h) /h/g\" \(key) mine")
        for (home, isThere) in ["/h/a b": true, "/h/c d": true, "/h/e": false, "/h/f": false, "/h/g": true] {
            #expect(file.has(home: home) == isThere, "\(home)")
        }
        #expect(try file.remove(home: "/h/g") == 0)
        #expect(try file.remove(home: "/h/a b") == 1 && file.remove(home: "/h/c d") == 1)
    }

    @Test func `what a key's line says is known, and only of that key`() throws {
        _ = try install(command + ["--cpu-slots", "4"])
        #expect(file.attaching(key) == ["--home", "/h", "--cpu-slots", "4"])
        #expect(file.attaching(HostKey("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOur")!) == nil)
    }

    @Test(arguments: ["/a b", "/a\"b", "/a'b", "/$HOME", "/a;id", "/a\nb", "/`id`", "/a\\b", ""])
    func `a path that a shell would read is refused`(path: String) throws {
        #expect(throws: AgentError.self) { try install([path, "attach"]) }
        #expect(text == "")
    }
}

@Suite struct `invites and tickets` {
    static let key = HostKey("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOurs")!
    static let invite = Invite(coordinator: "head", key: key, program: "/opt/coordinator", made: 1_000_000)

    @Test func `a line says again what was written, whatever white space a terminal put in`() throws {
        let line = try Self.invite.line
        #expect(try Invite(reading: line, now: 1_000_000) == Self.invite)
        let wrapped = line.enumerated().map { $0 % 60 == 59 ? "\($1)\n" : "\($1)" }.joined()
        #expect(try Invite(reading: " \(wrapped) ", now: 1_000_000 - 86_400) == Self.invite)
        #expect(!line.contains { " '\"+/=$".contains($0) })
    }

    @Test func `every character that is lost or changed is noticed`() throws {
        let line = try Self.invite.line
        for index in line.indices {
            var shorter = line
            shorter.remove(at: index)
            var changed = line
            changed.replaceSubrange(index...index, with: line[index] == "x" ? "y" : "x")
            for damaged in [shorter, changed] {
                #expect(throws: EnrolmentFault.self) { try Invite(reading: damaged, now: 1_000_000) }
            }
        }
    }

    @Test func `an invite is refused when it is old, and a ticket is none`() throws {
        let line = try Self.invite.line
        #expect(throws: EnrolmentFault.self) { try Invite(reading: line, now: 1_000_000 + 31 * 86_400) }
        #expect(throws: EnrolmentFault.self) { try Ticket(reading: line, now: 1_000_000) }
        #expect(throws: EnrolmentFault.self) {
            try Invite(reading: String(repeating: "x", count: 1 << 20), now: 0)
        }
    }

    @Test(arguments: [Int.min, -1, 0, 43 * 86_400, Int.max])
    func `a time that cannot be is refused with what is wrong`(made: Int) throws {
        let line = try Invite(coordinator: "head", key: Self.key, program: "/c", made: made).line
        let fault = #expect(throws: EnrolmentFault.self) { try Invite(reading: line, now: 40 * 86_400) }
        let says = made > 0 ? "set the clocks" : "over 30 days old"
        #expect(fault?.description.contains(says) == true, "\(String(describing: fault))")
    }

    @Test(arguments: [
        ("x\nssh-ed25519 AAAA evil", "/c"), ("", "/c"), ("a b", "/c"), ("\u{1b}[2J", "/c"), ("head", "c"),
        ("head", "/c\n"), ("head", "/c\u{1b}"), ("head", ""),
    ])
    func `an invite that says what cannot be is refused`(coordinator: String, program: String) throws {
        let line = try Invite(coordinator: coordinator, key: Self.key, program: program, made: 0).line
        let fault = #expect(throws: EnrolmentFault.self) { try Invite(reading: line, now: 0) }
        let text = try #require(fault?.description)
        #expect(text.contains("expected") && !text.contains { $0.isNewline || $0 == "\u{1b}" }, "\(text)")
    }

    @Test func `a ticket that says what cannot be is refused`() throws {
        func read(
            name: String = "n", user: String = "u", address: String = "h", port: Int = 22,
            version: String = Hello.currentVersion, slots: Int = 1, plugin: String = "native"
        ) throws {
            let ticket = Ticket(
                name: name, user: user, addresses: [address], port: port, hostKeys: [Self.key], key: Self.key,
                version: version, gpus: .noDriver, slots: slots, plugins: [plugin], freeDiskMiB: 1, made: 0)
            #expect(try Ticket(reading: ticket.line, now: 0) == ticket)
        }
        try read()
        let wrong: [() throws -> Void] = [
            { try read(name: "a/b") }, { try read(user: "u\n") }, { try read(address: "-o") },
            { try read(port: 99_999_999) }, { try read(port: 0) }, { try read(version: "\u{1b}") },
            { try read(slots: -1) }, { try read(plugin: "a b") },
        ]
        for body in wrong { #expect(throws: EnrolmentFault.self) { try body() } }
    }

    @Test func `a key with anything behind it is none in an invite`() throws {
        for text in ["\(Self.key) x", "\(Self.key)\n", "\(Self.key)\nssh-rsa AAAA"] {
            let json = try JSONEncoder().encode(text)
            #expect(throws: DecodingError.self) { try JSONDecoder().decode(HostKey.self, from: json) }
        }
    }

    @Test(arguments: ["", "-oX", "a b", "a;b", "a\nb", "$(id)", String(repeating: "h", count: 256)])
    func `what is no host is none`(text: String) { #expect(!SSHAddress.isHost(text)) }

    @Test(arguments: ["gpu1", "gpu1.example.org", "10.0.0.7", "fe80::1", "my_alias"])
    func `what may be a host is one`(text: String) { #expect(SSHAddress.isHost(text)) }

    @Test(arguments: ["", "ssh-ed25519", "ssh-dss AAAA", "ssh-ed25519 B", "ssh-ed25519 AAAA;id", "x AAAA"])
    func `what is no host key is none`(text: String) { #expect(HostKey(text) == nil) }
}
