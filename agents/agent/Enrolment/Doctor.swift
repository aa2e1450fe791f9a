import ArgumentParser
import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Wire

/// Looks for what would keep this machine from being a good node.
struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks whether a coordinator can work with this machine, and says what to do.",
        discussion: """
            EXAMPLE
              agent doctor
            """)

    /// One thing that was looked at.
    struct Finding: Codable {
        let subject: String
        let isRight: Bool
        let words: String
    }

    @OptionGroup var arguments: DaemonArguments
    @OptionGroup var keys: KeysArguments

    @Option(help: "The port of this machine's SSH server (default: found out).")
    var port: Int?

    @Flag(help: "Print the findings as JSON.")
    var json = false

    func validate() throws { try SSHServer.check(port) }

    func run() throws {
        let home = try Home(opening: arguments.home)
        var findings = [disk(home), server, key(home)]
        do {
            findings += slots(try home.survey(arguments))
        } catch {
            findings.append(Finding(subject: "daemon", isRight: false, words: "\(error)"))
        }
        if json {
            try printJSON(findings)
        } else {
            for finding in findings {
                print("\(finding.isRight ? "ok     " : "WRONG  ")\(finding.subject): \(finding.words)")
            }
        }
        if findings.contains(where: { !$0.isRight }) { throw ExitCode(1) }
    }

    private func disk(_ home: Home) -> Finding {
        let free = freeMiB(home.path) >> 10
        return Finding(
            subject: "disk", isRight: !TrialFolder.isOnFullDisk(home.path),
            words: "\(home.path) has \(free) GiB free" + (free < 20 ? ", which few checkpoints fit into" : "")
        )
    }

    private var server: Finding {
        do {
            let server = try SSHServer(port: port, addresses: [])
            let types = server.hostKeys.map(\.type).joined(separator: ", ")
            return Finding(
                subject: "sshd", isRight: true,
                words: server.answers
                    ? "answers at port \(server.port) with \(types)"
                    : "has \(types) in /etc/ssh; that it answers at port \(server.port) could not be tried from here"
            )
        } catch {
            return Finding(subject: "sshd", isRight: false, words: "\(error)")
        }
    }

    /// sshd ignores the file, and says so only in its own log, where others may write it or its folder.
    private func key(_ home: Home) -> Finding {
        let path = keys.file.path
        guard keys.file.has(home: home.path) else {
            return Finding(
                subject: "key", isRight: false,
                words:
                    "\(path) lets no coordinator in: run `agent enroll` with the line of `coordinator invite`"
            )
        }
        var place = absolute(path)[...]
        while let slash = place.lastIndex(of: "/") {
            var status = stat()
            if stat(String(place), &status) == 0, status.st_mode & 0o022 != 0, status.st_mode & S_ISVTX == 0 {
                return Finding(
                    subject: "key", isRight: false,
                    words:
                        "others may write \(place), so sshd will not trust \(path): run `chmod go-w \(place)`"
                )
            }
            place = place[..<slash]
        }
        return Finding(subject: "key", isRight: true, words: "\(path) lets a coordinator talk to this agent")
    }

    private func slots(_ inventory: Inventory) -> [Finding] {
        let plugins = Finding(
            subject: "plugins", isRight: !inventory.plugins.isEmpty,
            words: inventory.plugins.isEmpty
                ? "none answers: install them beside the agent or in HOME/plugins"
                : inventory.plugins.map(\.name).joined(separator: ", "))
        let gpus: Finding =
            switch inventory.gpus {
            case .found(let gpus):
                Finding(
                    subject: "GPUs", isRight: !gpus.isEmpty,
                    words: "\(gpus.count): \(gpus.first?.name ?? "none")")
            case .noDriver:
                Finding(
                    subject: "GPUs", isRight: true,
                    words: "no driver; \(inventory.slots.count) CPU slots instead")
            case .failed(let why): Finding(subject: "GPUs", isRight: false, words: why)
            }
        let busy = inventory.slots.compactMap { entry -> Finding? in
            guard case .unavailable(let reason) = entry.state else { return nil }
            return Finding(subject: "\(entry.slot)", isRight: false, words: reason)
        }
        return [plugins, gpus] + busy
    }
}
