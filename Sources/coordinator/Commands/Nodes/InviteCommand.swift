import ArgumentParser
import FleetLink
import FleetModel
import Foundation
import Wire

/// `coordinator invite`.
struct InviteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invite",
        abstract: "Print the line that makes a machine a node: `agent enroll 'LINE'` there.",
        discussion: """
            It holds this coordinator's public key, which is made on the first call, and nothing secret.

            Example: coordinator invite
            """)

    @OptionGroup var home: CoordinatorHomeOptions

    func run() throws {
        do {
            print(try Invite(of: home.registry.home).line)
        } catch {
            throw Failure.failed(Text.fault(error))
        }
    }
}

extension Invite {
    /// A new invite of the coordinator with this home.
    init(of home: CoordinatorHome) throws {
        let name = ProcessInfo.processInfo.hostName
        self.init(
            coordinator: SSHAddress.isHost(name) ? name : "head", key: HostKey(try home.publicKey())!,
            program: URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path,
            home: home.unusualPath, made: Int(Date().timeIntervalSince1970))
    }
}
