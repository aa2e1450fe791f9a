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
    /// Paths here.
    private let programs: [String]
    /// The folder there, below the user's home: another one for another build.
    private let target: String
    private let scratch: String

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
        target = ".iterhpo/programs/\(Hello.currentVersion)-\(Self.build(of: programs))"
        scratch = NSTemporaryDirectory() + "iterhpo-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        try files.createDirectory(
            atPath: scratch, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        options =
            (sshConfig.map { ["-F", $0] } ?? [])
            + ["-o", "ControlMaster=auto", "-o", "ControlPath=\(scratch)/%C", "-o", "ControlPersist=30"]
    }

    deinit {
        _ = try? ssh(["-O", "exit"], [])
        try? FileManager.default.removeItem(atPath: scratch)
    }

    /// Copies what is not there yet, has the agent enrol itself, and adds the node.
    func enrol(
        with arguments: [String], name: String?, hasOwnFiles: Bool = false, registry: NodeRegistry,
        isSilent: Bool
    ) async throws -> (EnrolledNode, NodeProbe) {
        let ticket: Ticket
        do {
            try copy(isSilent: isSilent)
            let invite = try Invite(of: registry.home).line
            guard arguments.allSatisfy(Self.isPlain) else {
                throw Refusal(description: "an argument for the agent has characters that a shell would read")
            }
            let said = try ssh([], ["\(target)/agent", "enroll", invite, "--json"] + arguments)
            let report = try JSONDecoder().decode(
                Report.self, from: Data(said.utf8.drop { $0 != UInt8(ascii: "{") }))
            ticket = try Ticket(reading: report.ticket, now: Int(Date().timeIntervalSince1970))
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

    private func copy(isSilent: Bool) throws {
        if (try? ssh([], ["test", "-x", "\(target)/agent"])) != nil { return }
        if !isSilent {
            let bytes = programs.reduce(0) { $0 + (Self.status(of: $1)?.st_size ?? 0) }
            print("copying the agent and \(programs.count - 1) plugins to \(destination), \(bytes >> 20) MiB")
        }
        let fresh = target + ".\(UInt32.random(in: 0...UInt32.max))"
        _ = try ssh([], ["mkdir", "-p", fresh])
        let ports = port.map { ["-P", "\($0)"] } ?? []
        let quiet = isSilent ? ["-q"] : []
        try run(["scp", "-p"] + quiet + options + ports + ["--"] + programs + ["\(destination):\(fresh)/"])
        _ = try ssh([], ["mv", "-T", fresh, target])
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
        let said = try program.capture()
        guard said.end == .exit(0) else {
            throw Refusal(description: "`\(words[0])` failed; what it said stands above")
        }
        return said.text
    }

    /// A word for these very files.
    private static func build(of programs: [String]) -> String {
        let sum = programs.reduce(UInt64(14_695_981_039_346_656_037)) { sum, path in
            let status = status(of: path)
            let words =
                "\(path.split(separator: "/").last ?? "") \(status?.st_size ?? 0) \(status?.st_mtim.tv_sec ?? 0)"
            return words.utf8.reduce(sum) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
        }
        return String(sum, radix: 36)
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
