import FleetLink
import FleetModel
import Foundation
import Glibc
import Spawn
import Wire

/// Agent and plugins on their way to a machine, through the user's own `ssh` and `scp`. The words that the
/// shell there reads are ours, with names that it has nothing to do in.
final class Installation {
    private let destination: String
    private let host: String
    /// Of every ssh, so that the user logs in once.
    private let options: [String]
    private let port: Int?
    /// Of all programs there, below the user's home.
    private static let folder = ".iterhpo/programs"
    /// Paths here.
    private let programs: [String]
    /// The folder there, below the user's home: another one for another build.
    private let target: String
    private let scratch: String
    private let interruption = Interruption()

    /// What is wrong, and what to do, in one sentence.
    struct Refusal: Error, CustomStringConvertible {
        let description: String
    }

    init(on destination: String, port: Int? = nil, from folder: String, sshConfig: String?) throws {
        let parts = destination.split(separator: "@", omittingEmptySubsequences: false).map(String.init)
        guard let host = parts.last, parts.count <= 2, SSHAddress.isHost(host),
            parts.count == 1 || SSHAddress.isUser(parts[0])
        else { throw Refusal(description: "found \"\(destination)\", expected USER@HOST or HOST") }
        (self.destination, self.host, self.port) = (destination, host, port)
        let files = FileManager.default
        programs = [folder + "/agent"] + PluginExecutable.installed(in: folder).map(\.path)
        guard files.isExecutableFile(atPath: programs[0]) else {
            throw Refusal(description: "there is no agent in \(folder): say where it is with --programs")
        }
        target = "\(Self.folder)/\(Hello.currentVersion)-\(Self.build(of: programs))"
        scratch = NSTemporaryDirectory() + "iterhpo-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        options =
            (sshConfig.map { ["-F", $0] } ?? [])
            + ["-o", "ControlMaster=auto", "-o", "ControlPath=\(scratch)/%C", "-o", "ControlPersist=30"]
    }

    /// Copies what is not there yet, has the agent enrol itself, and adds the node.
    func enrol(
        with arguments: [String], name: String?, hasOwnFiles: Bool = false, registry: NodeRegistry,
        isSilent: Bool
    ) async throws -> (EnrolledNode, NodeProbe) {
        let ticket: Ticket
        do {
            ticket = try self.ticket(with: arguments, home: registry.home, isSilent: isSilent)
        } catch is DecodingError {
            throw Failure.failed("`agent enroll` on \(destination) printed no ticket")
        } catch {
            throw Failure.failed("\(destination): \(Text.fault(error))")
        }
        let enrolment = NodeEnrolment(
            registry: registry, ticket: ticket, name: name, hasOwnFiles: hasOwnFiles)
        return try await enrolment.add(at: [(host, port)] + ticket.places)
    }

    private struct Report: Decodable {
        let ticket: String
    }

    /// All that is done with the user's login. Ctrl-C ends it as a failure would: nothing of it is left over.
    private func ticket(with arguments: [String], home: CoordinatorHome, isSilent: Bool) throws -> Ticket {
        let signals = Interruptions { [interruption] in interruption.come() }
        defer { signals.end() }
        try FileManager.default.createDirectory(
            atPath: scratch, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        defer {
            clearUp(["-O", "exit"], [])
            try? FileManager.default.removeItem(atPath: scratch)
        }
        try copy(for: home, isSilent: isSilent)
        let invite = try Invite(of: home).line
        guard arguments.allSatisfy(Self.isPlain) else {
            throw Refusal(description: "an argument for the agent has characters that a shell would read")
        }
        let said = try ssh([], ["\(target)/agent", "enroll", invite, "--json"] + arguments)
        let report = try JSONDecoder().decode(
            Report.self, from: Data(said.utf8.drop { $0 != UInt8(ascii: "{") }))
        return try Ticket(reading: report.ticket, now: Int(Date().timeIntervalSince1970))
    }

    private func copy(for home: CoordinatorHome, isSilent: Bool) throws {
        if (try? ssh([], ["test", "-x", "\(target)/agent"])) != nil { return }
        if !isSilent {
            let bytes = programs.reduce(0) { $0 + (Self.status(of: $1)?.st_size ?? 0) }
            let count = programs.count - 1
            let size = bytes >> 20
            // At once, also into a pipe: it takes minutes, and the way there says more meanwhile.
            Terminal.write("copying the agent and \(count) plugins to \(destination), \(size) MiB\n".utf8)
        }
        let aside = try PartialFolder(of: home)
        let fresh = target + aside.suffix
        do {
            try ssh([], ["mkdir", "-p", fresh])
            let names = try ssh([], ["ls", "-1", Self.folder]).split(whereSeparator: \.isNewline).map(
                String.init)
            for name in names where aside.isAbandoned(name) {
                try ssh([], ["rm", "-rf", "\(Self.folder)/\(name)"])
            }
            let ports = port.map { ["-P", "\($0)"] } ?? []
            let quiet = isSilent ? ["-q"] : []
            try run(
                ["scp", "-p"] + quiet + options + ports + ["--"] + programs + ["\(destination):\(fresh)/"])
            try ssh([], ["mv", "-T", fresh, target])
        } catch {
            clearUp([], ["rm", "-rf", fresh])
            throw error
        }
    }

    /// Over the connection that is open, if one is: nobody is asked for a password, nor waited for.
    private func clearUp(_ flags: [String], _ command: [String]) {
        let words = ["ssh", "-q"] + options + ["-o", "BatchMode=yes", "-o", "ConnectTimeout=5"]
        let ports = port.map { ["-p", "\($0)"] } ?? []
        _ = try? Program(words + ports + flags + ["--", destination] + command).capture(within: 10)
    }

    /// - Returns: what it writes to stdout.
    @discardableResult
    private func ssh(_ flags: [String], _ command: [String]) throws -> String {
        let ports = port.map { ["-p", "\($0)"] } ?? []
        return try run(["ssh"] + options + ports + flags + ["--", destination] + command)
    }

    @discardableResult
    private func run(_ words: [String]) throws -> String {
        var program = Program(words)
        // ssh may have to ask for a password, at our terminal.
        (program.input, program.errors, program.staysInGroup) = (0, 2, true)
        let answer = try Spawn.Pipe()
        defer { close(answer.reading) }
        program.output = answer.writing
        let child: ChildProcess
        do {
            defer { close(answer.writing) }
            child = try program.spawn()
        }
        interruption.watch(child)
        var said: [UInt8] = []
        while case .bytes(let more) = receive(answer.reading) { said += more }
        interruption.watch(nil)
        let end = child.wait()
        if interruption.hasCome { throw Refusal(description: "interrupted: the machine is not enrolled") }
        guard end == .exit(0) else {
            throw Refusal(description: "`\(words[0])` failed; what it said stands above")
        }
        return String(decoding: said, as: UTF8.self)
    }

    /// A word for these very files.
    private static func build(of programs: [String]) -> String {
        shortWord(
            for: programs.map { path in
                let status = status(of: path)
                return "\(path.split(separator: "/").last ?? "") \(status?.st_size ?? 0) "
                    + "\(status?.st_mtim.tv_sec ?? 0)"
            }.joined())
    }

    private static func status(of path: String) -> stat? {
        var status = stat()
        return stat(path, &status) == 0 ? status : nil
    }

    private static func isPlain(_ word: String) -> Bool {
        word.utf8.allSatisfy { byte in
            SSHAddress.isHost(String(decoding: [UInt8(ascii: "a"), byte], as: UTF8.self))
                || "/=,".utf8.contains(byte)
        }
    }
}
