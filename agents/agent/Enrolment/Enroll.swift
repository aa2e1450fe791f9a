import ArgumentParser
import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Wire

/// Makes this machine a node.
struct Enroll: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes this machine a node of the coordinator that sent an invite.",
        discussion: """
            Makes the agent's home, lets the coordinator's key in for `agent attach` and nothing else, surveys \
            the machine, and prints a ticket for `coordinator nodes add`. It may be repeated: where the \
            coordinator's key is let in already, the options of its line, the home too, stay as they are unless \
            they are given anew.

            EXAMPLE
              agent enroll 'iterhpo-invite-1.…' --report ann@head
            """)

    @Argument(help: "The line that `coordinator invite` printed.")
    var invite: String

    @OptionGroup var arguments: DaemonArguments
    @OptionGroup var keys: KeysArguments

    @Option(help: "The node's name (default: this machine's host name).")
    var name: String?

    @Option(help: "Where the coordinator reaches this machine; may be repeated.")
    var address: [String] = []

    @Option(help: "The port at which this machine's SSH server answers (default: found out).")
    var port: Int?

    @Option(
        help: ArgumentHelp(
            "Hand the ticket to the coordinator there, with your own SSH login.", valueName: "user@head"))
    var report: String?

    @Flag(help: "Print the ticket and what was done as JSON.")
    var json = false

    func validate() throws {
        try SSHServer.check(port)
        if let name { try Self.check(name, as: "--name") }
        for host in address where !SSHAddress.isHost(host) {
            throw ValidationError(
                "--address: found \(host.debugDescription), expected a host name or an IP address")
        }
        if let report, !Self.isLogin(report) {
            throw ValidationError("--report: found \(report.debugDescription), expected USER@HEAD")
        }
        for (option, word) in arguments.words where !AuthorizedKeys.isPlain(word) {
            throw ValidationError(
                "\(option): found \(word.debugDescription), expected \(AuthorizedKeys.plainCharacters) only: it is "
                    + "to stand in authorized_keys, where the user's shell reads it")
        }
    }

    private static func check(_ name: String, as origin: String) throws {
        guard FolderName.isSafe(name), name != NodeID.local.rawValue else {
            throw ValidationError(
                "\(origin): found \(name.debugDescription), expected \(FolderName.rule), and not "
                    + "\(NodeID.local), which is the head itself")
        }
    }

    private static func isLogin(_ head: String) -> Bool {
        let parts = head.split(separator: "@", omittingEmptySubsequences: false).map(String.init)
        return parts.count <= 2 && SSHAddress.isHost(parts[parts.count - 1])
            && (parts.count == 1 || SSHAddress.isUser(parts[0]))
    }

    /// Everything that can be wrong is looked at before anything is changed.
    func run() throws {
        let now = time(nil)
        let invite = try asArgument { () throws(EnrolmentFault) in try Invite(reading: self.invite, now: now)
        }
        let name = try nodeName()
        let places = [invite.program] + [invite.home].compactMap(\.self)
        if report != nil, let place = places.first(where: { !AuthorizedKeys.isPlain($0) }) {
            throw ValidationError(
                "--report: the coordinator has \(place.debugDescription) on the head, which a shell there would not "
                    + "take as it is: leave --report out, and hand the ticket over yourself")
        }
        guard SSHAddress.isUser(userName) else {
            throw AgentError(
                "this user is called \(userName.debugDescription), expected \(FolderName.rule): enrol as another user"
            )
        }
        let server = try SSHServer(port: port, addresses: address)
        guard !server.addresses.isEmpty else {
            throw ValidationError("this machine knows no address of itself: say it with --address")
        }
        let arguments = try arguments.over(earlier(invite.key))
        let home = try Home(opening: arguments.home)
        let isNew = try keys.file.install(
            invite.key, command: arguments.attaching(home), comment: "coordinator@\(invite.coordinator)")
        let unit = SystemdUnit(home)
        try home.endDaemon()
        let hasUnit = try unit.install(arguments.serving(home, linger: nil))
        let survey = try home.survey(arguments)
        let ticket = try ticket(invite, name, server, survey, home, now: now)
        try say(isNew, hasUnit, ticket, home)
        if let report { try hand(ticket, to: report, invite) }
    }

    private func nodeName() throws -> String {
        if let name { return name }
        let usual = hostname.split(separator: ".").first.map(String.init) ?? "node"
        try Self.check(usual, as: "this machine's host name (say another one with --name)")
        return usual
    }

    /// What the line of this key was made with. With another home, the runs of the earlier one would go on while a
    /// second agent leases the same slots.
    private func earlier(_ key: HostKey) throws -> DaemonArguments {
        guard let words = keys.file.attaching(key) else { return try DaemonArguments.parse([]) }
        do {
            return try Attach.parse(words).arguments
        } catch {
            throw AgentError(
                "\(keys.file.path) lets this coordinator in with \(words.joined(separator: " ").debugDescription), "
                    + "which this agent does not understand (\(Attach.message(for: error))): enrol with a newer one, or "
                    + "remove that line and give every option anew")
        }
    }

    private func ticket(
        _ invite: Invite, _ name: String, _ server: SSHServer, _ inventory: Inventory, _ home: Home, now: Int
    ) throws -> Ticket {
        let ticket = Ticket(
            name: name, user: userName, addresses: server.addresses, port: server.port,
            hostKeys: server.hostKeys, key: invite.key, version: Hello.currentVersion, gpus: inventory.gpus,
            slots: inventory.slots.count, plugins: inventory.plugins.map(\.name),
            freeDiskMiB: freeMiB(home.path),
            made: now, home: home.path)
        return try asArgument { () throws(EnrolmentFault) in
            do {
                return try Ticket(reading: try ticket.line, now: now)
            } catch let fault as EnrolmentFault {
                throw fault
            } catch {
                preconditionFailure("a ticket of ours is always writable: \(error)")
            }
        }
    }

    private func say(_ isNew: Bool, _ hasUnit: Bool, _ ticket: Ticket, _ home: Home) throws {
        let line = try ticket.line
        if json {
            return try printJSON(
                EnrolReport(
                    ticket: line, name: ticket.name, home: home.path, authorizedKeys: keys.file.path,
                    isNewKey: isNew, hasSystemdUnit: hasUnit, slots: ticket.slots, plugins: ticket.plugins,
                    freeDiskMiB: ticket.freeDiskMiB))
        }
        complain("the agent's home is \(home.path), with \(ticket.freeDiskMiB >> 10) GiB free")
        complain(
            isNew
                ? "the coordinator's key was added to \(keys.file.path), for the agent only"
                : "the coordinator's key stands in \(keys.file.path) already")
        complain(
            hasUnit
                ? "the agent is started by systemd, as your unit \(SystemdUnit.name)"
                : "the agent is started when the coordinator connects")
        if case .failed(let why) = ticket.gpus { complain("nvidia-smi failed, so no GPU is used: \(why)") }
        complain("\(ticket.slots) slots; plugins: \(ticket.plugins.joined(separator: ", "))")
        if report == nil { complain("on the head, run: coordinator nodes add 'TICKET', with this ticket:") }
        if report == nil { print(line) }
    }

    private func hand(_ ticket: Ticket, to head: String, _ invite: Invite) throws {
        let place = invite.home.map { ["--home", $0] } ?? []
        var program = Program(["ssh", "--", head, invite.program, "nodes", "add", try ticket.line] + place)
        // What the head says is no JSON of ours.
        (program.input, program.output, program.errors, program.staysInGroup) = (0, json ? 2 : 1, 2, true)
        guard try program.spawn().wait() == .exit(0) else {
            throw AgentError(
                "the ticket could not be handed to \(head). Hand it over yourself, on the head:\n"
                    + "  coordinator nodes add '\(try ticket.line)'" + place.map { " \($0)" }.joined())
        }
    }
}

/// What `agent enroll --json` prints.
struct EnrolReport: Codable {
    let ticket: String
    let name: String
    let home: String
    let authorizedKeys: String
    let isNewKey: Bool
    let hasSystemdUnit: Bool
    let slots: Int
    let plugins: [String]
    let freeDiskMiB: Int
}

/// Where sshd looks for keys.
struct KeysArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The file in which sshd looks for keys (default: ~/.ssh/authorized_keys).", valueName: "file"))
    var authorizedKeys: String?

    var file: AuthorizedKeys { AuthorizedKeys(path: authorizedKeys ?? AuthorizedKeys.usual) }
}

/// What `body` throws is a wrong argument: exit code 2.
func asArgument<Value>(_ body: () throws(EnrolmentFault) -> Value) throws -> Value {
    do {
        return try body()
    } catch {
        throw ValidationError(error.description)
    }
}

/// The user who runs this.
var userName: String { getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) } ?? "root" }

/// What an ordinary user may still write on the disk of `path`; 0 where nobody can tell.
func freeMiB(_ path: String) -> Int {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { return 0 }
    return Int((UInt64(status.f_bavail) * UInt64(status.f_frsize)) >> 20)
}
