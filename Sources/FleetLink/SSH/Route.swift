import FoundationEssentials
import Glibc
import Spawn
import Wire

/// How to get to an address, as the user's `~/.ssh/config` has it, or the one in the coordinators' home.
struct Route: Hashable, Sendable {
    let host: String
    let port: Int
    /// The jump hosts, `user@host:port` each, separated by commas; nil: straight.
    let jump: String?
    /// Of every ssh: which configuration it reads.
    private let options: [String]

    /// Asks `ssh -G`, which reads the configuration as ssh itself would and connects to nothing. Where there
    /// is no ssh, the address is taken as it stands.
    init(to address: SSHAddress, home: CoordinatorHome) throws(LinkFailure) {
        let options = home.sshOptions
        var arguments = ["ssh", "-G"] + options + ["-l", address.user]
        if let port = address.port { arguments += ["-p", "\(port)"] }
        let said = try? Program(arguments + ["--", address.host]).capture(within: 5)
        try self.init(
            reading: said?.end == .exit(0) ? said?.text ?? "" : "", address: address, options: options)
    }

    /// - Parameter said: what `ssh -G` prints, a word and its value a line.
    init(reading said: String, address: SSHAddress, options: [String] = []) throws(LinkFailure) {
        self.options = options
        var values: [String: String] = [:]
        for line in said.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
            if parts.count == 2, values[parts[0]] == nil { values[parts[0]] = parts[1] }
        }
        host = values["hostname"] ?? address.host
        port = address.port ?? values["port"].flatMap(Int.init) ?? 22
        jump = values["proxyjump"].flatMap { $0 == "none" ? nil : $0 }
        if jump == nil, let command = values["proxycommand"], command != "none" {
            throw .unreachable(
                host: address.host,
                why: "~/.ssh/config has a ProxyCommand for it, which would need a shell: use ProxyJump")
        }
    }

    /// What to start to get through the jump hosts; nil for a straight route. The jump hosts are the user's
    /// own affair, with the user's own keys.
    var jumpCommand: [String]? {
        guard let jump else { return nil }
        var hops = jump.split(separator: ",").map(String.init)
        guard let last = hops.popLast() else { return nil }
        var arguments = ["ssh"] + options + ["-o", "BatchMode=yes", "-o", "ConnectTimeout=5"]
        if !hops.isEmpty { arguments += ["-J", hops.joined(separator: ",")] }
        return arguments + ["-W", "[\(host)]:\(port)"] + Self.destination(last)
    }

    /// `user@host:port` as arguments of ssh.
    private static func destination(_ hop: String) -> [String] {
        guard let colon = hop.lastIndex(of: ":"), let port = Int(hop[hop.index(after: colon)...]),
            hop.hasSuffix("]:\(port)") || hop.firstIndex(of: ":") == colon
        else { return ["--", hop] }
        return ["-p", "\(port)", "--", hop[..<colon].filter { $0 != "[" && $0 != "]" }]
    }
}
