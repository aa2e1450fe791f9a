import FleetLink
import FleetModel
import Foundation
import Spawn
import Synchronization

/// How fast checkpoints move, beside rsync and scp over the same sshd with the same cipher, in turn.
///
///     TransferSpeed AGENT FOLDER [MEGABYTES [ROUNDS]]
///     TransferSpeed AGENT FOLDER far [MEGABYTES [ROUNDS]]
///     TransferSpeed AGENT FOLDER links [COUNT]
///     unshare --net TransferSpeed AGENT FOLDER faults [COUNT]
///
/// FOLDER is best on a tmpfs with room for six trees: on a disk ours waits until all is written, and rsync and scp do
/// not. Prints for each way the median wall seconds, the CPU seconds of both ends, and the bytes on the wire. `far`
/// measures transfers over a long way and after a cut, `links` what so many links to one host cost, and `faults` what
/// they make of a network that is cut, for which it needs root and nft.
@main
struct TransferSpeed {
    static let study = StudyID(rawValue: "speed-1")!

    let host: Host
    let old: Checkpoint
    let new: Checkpoint
    let node: NodeLink
    let here: NodeLink

    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count > 2 else {
            print("usage: TransferSpeed AGENT FOLDER [far] [MEGABYTES [ROUNDS]] | links|faults [COUNT]")
            exit(64)
        }
        // It is started from other folders.
        let agent = URL(filePath: arguments[1]).path
        let folder = arguments[2] + "/transfer-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        do {
            try await measure(Array(arguments.dropFirst(3)), folder: folder, agent: agent)
            try? FileManager.default.removeItem(atPath: folder)
        } catch {
            print("\(error)")
            try? FileManager.default.removeItem(atPath: folder)
            exit(1)
        }
    }

    private static func measure(_ words: [String], folder: String, agent: String) async throws {
        func number(_ index: Int) -> Int? { words.count > index ? Int(words[index]) : nil }
        switch words.first {
        case "links":
            let cost = LinkCost(host: try Host(folder: folder, agent: agent), count: number(1) ?? 200)
            try await blocking { try cost.measure() }
        case "faults":
            try run("/usr/sbin/ip", ["link", "set", "lo", "up"])
            let faults = LinkFaults(host: try Host(folder: folder, agent: agent), count: number(1) ?? 20)
            try await blocking { try faults.measure() }
        case "far":
            // scp waits a few round trips for each file: with small ones it would be slower still.
            let speed = try await TransferSpeed(
                folder: folder, agent: agent, megabytes: number(1) ?? 256, smallFiles: 0)
            try await speed.measureFar(number(2) ?? 3)
        default:
            let megabytes = number(0) ?? 1_024
            let speed = try await TransferSpeed(folder: folder, agent: agent, megabytes: megabytes)
            try speed.measure(number(1) ?? 3, megabytes)
        }
    }

    /// Waiting blocks, so it is on a thread of its own.
    private static func blocking(_ work: @escaping @Sendable () throws -> Void) async throws {
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            onOwnThread { done.resume(with: Result { try work() }) }
        }
    }

    init(
        folder: String, agent: String, megabytes: Int, smallFiles: Int = SampleTree.smallFiles
    ) async throws {
        host = try Host(folder: folder, agent: agent)
        func checkpoint(_ step: Int) -> Checkpoint {
            Checkpoint(
                run: RunID(trial: TrialID(stage: 0, number: step), attempt: 0), name: "step_\(step)",
                step: step)
        }
        (old, new) = (checkpoint(10), checkpoint(20))
        (node, here) = try await host.links()
        let tree = try SampleTree(
            at: place(old, "node"), megabytes: megabytes, smallFiles: smallFiles)
        _ = try tree.changed(at: place(new, "node"))
    }

    private func place(_ checkpoint: Checkpoint, _ home: String) -> String {
        host.home(home) + "/runs/" + RunKey(study: Self.study, run: checkpoint.run).folder + "/checkpoints/"
            + checkpoint.name
    }

    func forget(_ paths: String...) {
        for path in paths { try? FileManager.default.removeItem(atPath: path) }
    }

    /// Takes away what was brought, and what is known of it.
    func forgetHere(_ checkpoints: Checkpoint...) {
        for checkpoint in checkpoints { forget(place(checkpoint, "here")) }
        forget(host.home("here") + "/manifests", host.home("here") + "/incoming")
    }

    // MARK: Ways

    /// Bytes of chunks on the wire.
    func bring(_ checkpoint: Checkpoint, from other: NodeLink? = nil) throws -> Int {
        let answer = Mutex<Result<Int, RelayFailure>?>(nil)
        let (node, here) = (other ?? node, here)
        CheckpointRelay(checkpoint, of: Self.study).run(
            from: [.init(node.node, hasOwnFiles: true) { () throws(LinkFailure) in try node.openBulk() }],
            to: [.init(here.node) { () throws(LinkFailure) in try here.openBulk() }]
        ) { _, result in answer.withLock { $0 = result } }
        return try answer.withLock { $0 }!.get()
    }

    private func rsync(_ checkpoint: Checkpoint, to target: String) throws -> Int {
        let remote = "\(host.user)@127.0.0.1:\(place(checkpoint, "node"))/"
        let shell = (["ssh"] + host.options()).joined(separator: " ")
        let stats = try run("/usr/bin/rsync", ["-a", "--stats", "-e", shell, remote, target + "/"])
        let line = stats.split(separator: "\n").first { $0.hasPrefix("Total bytes received") } ?? ""
        return Int(line.filter(\.isNumber)) ?? 0
    }

    @discardableResult
    func scp(_ checkpoint: Checkpoint, to target: String, port: Int? = nil) throws -> Int {
        var options = host.options(port: port)
        options[options.firstIndex(of: "-p")!] = "-P"
        let remote = "\(host.user)@127.0.0.1:\(place(checkpoint, "node"))"
        try run("/usr/bin/scp", ["-q", "-r"] + options + [remote, target])
        return 0
    }

    // MARK: Rounds

    private func measure(_ rounds: Int, _ megabytes: Int) throws {
        let copy = host.folder + "/copy"
        let manifests = host.home("node") + "/manifests"
        var table = Table(room: (megabytes + megabytes / 8) << 20)
        for _ in 0..<rounds {
            forget(copy)
            try table.time("cold", "scp", host) { try scp(old, to: copy) }
            forget(copy)
            try table.time("cold", "rsync", host) { try rsync(old, to: copy) }
            forgetHere(old, new)
            forget(manifests)
            try table.time("cold", "ours, hashed on demand", host) { try bring(old) }
            forgetHere(old)
            try table.time("cold", "ours", host) { try bring(old) }
            try table.time("unchanged", "rsync", host) { try rsync(old, to: copy) }
            try table.time("unchanged", "ours", host) { try bring(old) }
            try table.time("5 % changed", "rsync", host) { try rsync(new, to: copy) }
            try table.time("5 % changed", "ours, hashed on demand", host) { try bring(new) }
            forget(place(new, "here"))
            try table.time("5 % changed", "ours", host) { try bring(new) }
        }
        try check(new)
        table.show()
        table.judge()
    }

    /// What was brought is what there is.
    private func check(_ checkpoint: Checkpoint) throws {
        try run("/usr/bin/diff", ["-r", place(checkpoint, "node"), place(checkpoint, "here")])
    }
}
