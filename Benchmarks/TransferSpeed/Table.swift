import Foundation
import Glibc
import Spawn

/// Figures by situation and way.
struct Table {
    private struct Figure {
        var wall: [Double] = []
        var cpu: [Double] = []
        var bytes = 0
    }

    private var rows: [(name: String, figure: Figure)] = []
    private let room: Int

    /// - Parameter room: bytes that a way may write.
    init(room: Int) { self.room = room }

    mutating func time(_ situation: String, _ way: String, _ host: Host, _ work: () throws -> Int) throws {
        haveAtHand(room)
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

    /// Where the host of a virtual machine takes back what is free, whoever writes to fresh memory waits for it, which
    /// may take longer than everything else (SSH_FACTS, section 2): each way finds as much memory as it needs.
    private func haveAtHand(_ bytes: Int) {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE
        let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, flags, -1, 0)
        if memory != MAP_FAILED { munmap(memory, bytes) }
    }

    func show() {
        print("\nmedians                               wall s   CPU s   × rsync wall   MB received")
        for (name, figure) in rows {
            let situation = name.prefix { $0 != "," }
            let rsync = rows.first { $0.name == "\(situation), rsync" }?.figure
            let ratio = rsync.map { figure.wall.median / $0.wall.median } ?? 0
            print(
                name.padding(toLength: 38, withPad: " ", startingAt: 0)
                    + "\(Self.text(figure.wall.median))    \(Self.text(figure.cpu.median))    "
                    + "\(Self.text(ratio))           \(Self.text(Double(figure.bytes) / 1e6))")
        }
    }

    /// What the issue asks for. Of each round's pair, so that whatever else the machine did meets both.
    func judge() {
        var bars = Bars()
        func ratio(_ situation: String, _ way: String, _ value: (Figure) -> [Double]) -> Double {
            zip(value(self[situation, way]), value(self[situation, "rsync"])).map { $0 / $1 }.median
        }
        bars.add("cold: wall beside rsync", ratio("cold", "ours") { $0.wall }, "x", atMost: 0.8)
        bars.add("cold: CPU of both ends beside rsync", ratio("cold", "ours") { $0.cpu }, "x", atMost: 1)
        let first = ratio("cold", "ours, hashed on demand") { $0.wall }
        bars.add("cold, hashed on demand: wall beside rsync", first, "x")
        bars.add("unchanged: wall beside rsync", ratio("unchanged", "ours") { $0.wall }, "x", atMost: 0.3)
        bars.add("5 % changed: wall beside rsync", ratio("5 % changed", "ours") { $0.wall }, "x", atMost: 0.4)
        let bytes = Double(self["5 % changed", "ours"].bytes) / Double(self["5 % changed", "rsync"].bytes)
        bars.add("5 % changed: bytes beside rsync", bytes, "x", atMost: 1.3)
        bars.show()
    }

    private subscript(_ situation: String, _ way: String) -> Figure {
        rows.first { $0.name == "\(situation), \(way)" }?.figure ?? Figure()
    }

    private static func text(_ value: Double) -> String { String(format: "%.2f", value) }
}
