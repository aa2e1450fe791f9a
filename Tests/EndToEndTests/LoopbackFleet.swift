import FleetLink
import FleetModel
import Foundation
import Spawn

/// Real sshd's on loopback with an agent each, enrolled by `deploy/loopback-fleet`. They end with this object.
final class LoopbackFleet {
    let folder: String
    let bench: Bench
    static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appending(path: "../../deploy/loopback-fleet").standardized.path

    /// A node's GPUs are a stand-in's; the trainer needs none.
    /// - Parameter mig: the first GPU is divided into so many MIG devices.
    init(_ count: Int, for bench: Bench, gpus: Int = 2, mig: Int = 0, sharesFiles: Bool = false) async throws
    {
        self.bench = bench
        folder = bench.folder + "/f"
        let result = await
            (try Running(
                Self.script,
                [
                    "\(count)", "--folder", folder, "--bin", bench.programs, "--gpus", "\(gpus)", "--mig",
                    "\(mig)",
                ]
                    + (sharesFiles ? ["--shared-files"] : []),
                in: bench.folder
            )).end()
        guard result.exit == 0 else { throw Failure(description: result.output + result.errors) }
        // The bench's coordinators have the fleet's home from here on.
        try FileManager.default.moveItem(atPath: folder + "/head", toPath: bench.folder + "/head")
    }

    deinit {
        for node in nodes { stop(node) }
        for node in nodes { endAgent(of: node) }
        for pid in bench.processes(of: folder) { kill(pid, SIGKILL) }
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    var nodes: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }

    private func number(_ file: String) -> Int32? {
        (try? String(contentsOfFile: file, encoding: .utf8)).flatMap {
            Int32($0.trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }

    /// The listener of a node's sshd, while it runs.
    private func listener(_ node: String) -> Int32? { number("\(folder)/\(node)/sshd.pid") }

    /// The processes that serve a connection each.
    func sessions(_ node: String) -> [Int32] {
        guard let pid = listener(node) else { return [] }
        let text = (try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)) ?? ""
        return text.split(separator: " ").compactMap { Int32($0) }
    }

    /// Cuts every connection to a node; the next attempt is taken.
    func cut(_ node: String) {
        for pid in sessions(node) { kill(pid, SIGKILL) }
    }

    /// Ends a node's sshd with every connection; runs go on.
    func stop(_ node: String) {
        guard let pid = listener(node) else { return }
        let open = sessions(node)
        kill(pid, SIGKILL)
        for session in open { kill(session, SIGKILL) }
        unlink("\(folder)/\(node)/sshd.pid")
    }

    func start(_ node: String) throws {
        try Program(["/usr/sbin/sshd", "-f", "\(folder)/\(node)/sshd_config"]).spawn().wait()
    }

    func endAgent(of node: String) {
        if let pid = number("\(folder)/\(node)/agent/agent.lock") { kill(pid, SIGKILL) }
    }

    func agentHome(of node: String) -> String { "\(folder)/\(node)/agent" }

    /// Gives a node's machine another host key, as a new installation would.
    func renewHostKey(of node: String) throws {
        stop(node)
        for name in ["host_key", "host_key.pub"] { unlink("\(folder)/\(node)/\(name)") }
        let key = "\(folder)/\(node)/host_key"
        try Program(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]).spawn().wait()
        try start(node)
    }

    /// Runs `coordinator nodes …` or another command that needs no study.
    func coordinator(_ arguments: String...) async throws -> Running.Result {
        await (try Running(bench.programs + "/coordinator", arguments, in: bench.folder)).end()
    }

    func agent(_ arguments: String...) async throws -> Running.Result {
        await (try Running(bench.programs + "/agent", arguments, in: bench.folder)).end()
    }
}
