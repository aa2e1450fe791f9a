import FleetLink
import FleetModel
import Foundation
import Synchronization

/// How fast checkpoints move, beside rsync and scp over the same sshd with the same cipher, in turn.
///
///     TransferSpeed AGENT FOLDER [MEGABYTES [ROUNDS]]
///     TransferSpeed AGENT FOLDER links [COUNT]
///
/// `links` measures so many links to one host instead: see `LinkCost`.
/// FOLDER is best on a tmpfs with room for six trees. Prints for each way the median wall seconds, the CPU
/// seconds of both ends, and the bytes on the wire.
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
            print("usage: TransferSpeed AGENT FOLDER [MEGABYTES [ROUNDS] | links [COUNT]]")
            exit(64)
        }
        // It is started from other folders.
        let agent = URL(filePath: arguments[1]).path
        let folder = arguments[2] + "/transfer-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        if arguments.count > 3, arguments[3] == "links" {
            let count = arguments.count > 4 ? Int(arguments[4]) ?? 200 : 200
            let host = try Host(folder: folder, agent: agent)
            return try await LinkCost(host: host, count: count).measure()
        }
        let megabytes = arguments.count > 3 ? Int(arguments[3]) ?? 1_024 : 1_024
        let rounds = arguments.count > 4 ? Int(arguments[4]) ?? 3 : 3
        do {
            try await TransferSpeed(folder: folder, agent: agent, megabytes: megabytes).measure(rounds)
        } catch {
            print("\(error)")
            try? FileManager.default.removeItem(atPath: folder)
            exit(1)
        }
    }

    init(folder: String, agent: String, megabytes: Int) async throws {
        host = try Host(folder: folder, agent: agent)
        func checkpoint(_ step: Int) -> Checkpoint {
            Checkpoint(
                run: RunID(trial: TrialID(stage: 0, number: step), attempt: 0), name: "step_\(step)",
                step: step)
        }
        (old, new) = (checkpoint(10), checkpoint(20))
        (node, here) = try await host.links()
        let tree = try SampleTree(at: place(old, "node"), megabytes: megabytes)
        _ = try tree.changed(at: place(new, "node"))
    }

    private func place(_ checkpoint: Checkpoint, _ home: String) -> String {
        host.home(home) + "/runs/" + RunKey(study: Self.study, run: checkpoint.run).folder + "/checkpoints/"
            + checkpoint.name
    }

    private func forget(_ paths: String...) {
        for path in paths { try? FileManager.default.removeItem(atPath: path) }
    }

    // MARK: Ways

    /// Bytes of chunks on the wire.
    private func bring(_ checkpoint: Checkpoint) throws -> Int {
        let answer = Mutex<Result<Int, RelayFailure>?>(nil)
        let (node, here) = (node, here)
        CheckpointRelay(checkpoint, of: Self.study).run(
            from: [.init(node.node, hasOwnFiles: true) { () throws(LinkFailure) in try node.openBulk() }],
            to: [.init(here.node) { () throws(LinkFailure) in try here.openBulk() }]
        ) { _, result in answer.withLock { $0 = result } }
        return try answer.withLock { $0 }!.get()
    }

    private func rsync(_ checkpoint: Checkpoint, to target: String) throws -> Int {
        let remote = "\(host.user)@127.0.0.1:\(place(checkpoint, "node"))/"
        let shell = (["ssh"] + host.options).joined(separator: " ")
        let stats = try run("/usr/bin/rsync", ["-a", "--stats", "-e", shell, remote, target + "/"])
        let line = stats.split(separator: "\n").first { $0.hasPrefix("Total bytes received") } ?? ""
        return Int(line.filter(\.isNumber)) ?? 0
    }

    private func scp(_ checkpoint: Checkpoint, to target: String) throws -> Int {
        var options = host.options
        options[options.firstIndex(of: "-p")!] = "-P"
        let remote = "\(host.user)@127.0.0.1:\(place(checkpoint, "node"))"
        try run("/usr/bin/scp", ["-q", "-r"] + options + [remote, target])
        return 0
    }

    // MARK: Rounds

    private func measure(_ rounds: Int) throws {
        let copy = host.folder + "/copy"
        let manifests = host.home("node") + "/manifests"
        var table = Table()
        for _ in 0..<rounds {
            forget(copy)
            try table.time("cold", "scp", host) { try scp(old, to: copy) }
            forget(copy)
            try table.time("cold", "rsync", host) { try rsync(old, to: copy) }
            forget(place(old, "here"), place(new, "here"), manifests, host.home("here") + "/manifests")
            try table.time("cold", "ours, hashed on demand", host) { try bring(old) }
            forget(place(old, "here"), host.home("here") + "/manifests")
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
    }

    /// What was brought is what there is.
    private func check(_ checkpoint: Checkpoint) throws {
        try run("/usr/bin/diff", ["-r", place(checkpoint, "node"), place(checkpoint, "here")])
    }
}

/// Figures by situation and way.
struct Table {
    private struct Figure {
        var wall: [Double] = []
        var cpu: [Double] = []
        var bytes = 0
    }

    private var rows: [(name: String, figure: Figure)] = []

    mutating func time(_ situation: String, _ way: String, _ host: Host, _ work: () throws -> Int) throws {
        let (cpu, clock) = (host.cpuSeconds(), ContinuousClock())
        let start = clock.now
        let bytes = try work()
        let wall = (clock.now - start) / .seconds(1)
        // A session of sshd ends a moment after its channel.
        usleep(300_000)
        let name = "\(situation), \(way)"
        if !rows.contains(where: { $0.name == name }) { rows.append((name, Figure())) }
        let row = rows.firstIndex { $0.name == name }!
        rows[row].figure.wall.append(wall)
        rows[row].figure.cpu.append(host.cpuSeconds() - cpu)
        rows[row].figure.bytes = bytes
        print("\(name): \(Self.text(wall)) s")
    }

    func show() {
        print("\nmedians                               wall s   CPU s   × rsync wall   MB received")
        for (name, figure) in rows {
            let situation = name.prefix { $0 != "," }
            let rsync = rows.first { $0.name == "\(situation), rsync" }?.figure
            let ratio = rsync.map { Self.median(figure.wall) / Self.median($0.wall) } ?? 0
            print(
                name.padding(toLength: 38, withPad: " ", startingAt: 0)
                    + "\(Self.text(Self.median(figure.wall)))    \(Self.text(Self.median(figure.cpu)))    "
                    + "\(Self.text(ratio))           \(Self.text(Double(figure.bytes) / 1e6))")
        }
    }

    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    private static func text(_ value: Double) -> String { String(format: "%.2f", value) }
}
