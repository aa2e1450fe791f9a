import ArgumentParser
import FoundationEssentials
import Glibc
import Spawn
import Wire

/// What is known of this machine's sshd, found out as any user can.
struct SSHServer {
    let port: Int
    let hostKeys: [HostKey]
    /// Where others may reach it, the best guess first.
    let addresses: [String]
    /// Whether it has shown the keys here; else they are those that lie in /etc/ssh.
    let answers: Bool

    /// A port that a person has said must answer. Else, where it cannot be asked (ssh-keyscan is missing), or does not
    /// answer here but the person came in through it, the keys of /etc/ssh are taken: where those are not its own,
    /// the coordinator sees another key than the ticket's and sends nothing, so nothing false is ever trusted.
    ///
    /// - Parameters:
    ///   - port: where a person has said it.
    ///   - addresses: likewise; they come first.
    init(port given: Int?, addresses: [String]) throws {
        let connection = Self.connection
        let port = given ?? connection.map(\.port) ?? Self.configuredPort ?? 22
        self.port = port
        let found = Self.scan(port)
        switch found {
        case .keys(let keys): hostKeys = keys
        case .silence where given == nil && connection != nil, .cannotAsk where given == nil:
            hostKeys = Self.usualKeys
        case .silence: hostKeys = []
        case .cannotAsk:
            throw AgentError(
                "whether an SSH server answers at port \(port) cannot be found out, ssh-keyscan is missing: install "
                    + "OpenSSH's client programs")
        }
        answers = if case .keys = found { true } else { false }
        var seen: Set<String> = []
        self.addresses =
            (addresses + [connection?.address].compactMap(\.self) + Self.ownAddresses + [hostname])
            .filter { SSHAddress.isHost($0) && seen.insert($0).inserted }
        guard !hostKeys.isEmpty else {
            throw AgentError(
                "no SSH server answers at port \(port) of this machine: start sshd, or say where it listens "
                    + "with --port")
        }
    }

    /// Where the person who runs this has come in, if over SSH: that address and port surely work.
    private static var connection: (address: String, port: Int)? {
        let words = ProcessInfo.processInfo.environment["SSH_CONNECTION"]?.split(separator: " ") ?? []
        guard words.count == 4, let port = Int(words[3]) else { return nil }
        return (String(words[2]), port)
    }

    private static var configuredPort: Int? {
        let text = String(decoding: contents("/etc/ssh/sshd_config") ?? [], as: UTF8.self)
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: \.isWhitespace)
            if words.count >= 2, words[0].lowercased() == "port" { return Int(words[1]) }
        }
        return nil
    }

    /// What asking for the server's keys gave.
    private enum Scan {
        /// Never empty.
        case keys([HostKey])
        case silence
        case cannotAsk
    }

    /// The keys that the server shows to this machine itself: on loopback, or where it does not listen there, on
    /// the other addresses.
    private static func scan(_ port: Int) -> Scan {
        for hosts in [["127.0.0.1"], ["::1"] + ownAddresses] {
            let command = ["ssh-keyscan", "-T", "5", "-p", "\(port)", "--"] + hosts
            guard let said = try? Program(command).capture() else { return .cannotAsk }
            let keys = said.text.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("#") }
                .compactMap { line in line.firstIndex(of: " ").flatMap { HostKey(String(line[$0...])) } }
            if !keys.isEmpty { return .keys(Set(keys).sorted { $0.type < $1.type }) }
        }
        return .silence
    }

    /// Refuses a number that can be no port, as a wrong argument.
    static func check(_ port: Int?) throws {
        guard let port, !SSHAddress.isPort(port) else { return }
        throw ValidationError("--port: found \(port), expected a number from 1 to 65535")
    }

    /// Those that a package makes, which everybody may read.
    private static var usualKeys: [HostKey] {
        ["ecdsa", "ed25519", "rsa"].compactMap { kind in
            contents("/etc/ssh/ssh_host_\(kind)_key.pub").flatMap {
                HostKey(String(decoding: $0, as: UTF8.self))
            }
        }
    }

    /// Of the network interfaces, without loopback and what is valid on one link only; IPv4 first.
    private static var ownAddresses: [String] {
        var found: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&found) == 0, let list = found else { return [] }
        defer { freeifaddrs(list) }
        let entries = sequence(first: list, next: { $0.pointee.ifa_next })
        let texts = entries.compactMap { entry -> String? in
            guard let address = entry.pointee.ifa_addr, entry.pointee.ifa_flags & UInt32(IFF_LOOPBACK) == 0
            else { return nil }
            let family = Int32(address.pointee.sa_family)
            guard family == AF_INET || family == AF_INET6 else { return nil }
            let size = family == AF_INET ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let code = getnameinfo(
                address, socklen_t(size), &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
            guard code == 0 else { return nil }
            return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }.filter { !$0.contains("%") }
        return texts.filter { !$0.contains(":") } + texts.filter { $0.contains(":") }
    }
}
