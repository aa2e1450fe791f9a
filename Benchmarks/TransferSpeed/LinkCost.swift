import FleetLink
import FleetModel
import Foundation
import Spawn
import Wire

/// What links cost: attaching many at once, keeping them idle, coming back after a reset of one and of all, and a
/// question's way there and back, beside the stock client with `cat` over the same sshd.
struct LinkCost: Sendable {
    let host: Host
    let count: Int

    /// Blocks.
    func measure() throws {
        var bars = Bars()
        let first = Watched(try host.link(named: "n0"))
        try first.wait(forConnection: 1)
        let firstSession = host.sessions
        let others = try measureMany(&bars)
        try measureReset(of: first, sparing: Set(host.sessions).subtracting(firstSession), &bars)
        try measureCommonReset(others, &bars)
        try first.wait(forConnection: 22)
        for link in others { link.close() }
        try measureMessages(first, &bars)
        first.close()
        bars.show()
    }

    private func measureMany(_ bars: inout Bars) throws -> [Watched] {
        let before = Self.privateKilobytes
        let start = monotonicSeconds()
        let others = try (1..<count).map { Watched(try host.link(named: "n\($0)")) }
        for link in others { try link.wait(forConnection: 1) }
        let bar = 6 * Double(count) / 200
        bars.add("\(count) links attached from cold", monotonicSeconds() - start, "s", atMost: bar)
        let memory = Double(Self.privateKilobytes - before) / Double(max(1, count - 1))
        bars.add("memory a link", memory, "KB", atMost: 100)
        let cpu = Self.ownCPUSeconds
        usleep(20_000_000)
        bars.add("CPU of all while idle", (Self.ownCPUSeconds - cpu) * 5, "% of a core", atMost: 0.5)
        return others
    }

    private func measureReset(of link: Watched, sparing standing: Set<Int32>, _ bars: inout Bars) throws {
        let waits = try (0..<20).map { number -> Double in
            let start = monotonicSeconds()
            for session in host.sessions where !standing.contains(session) { kill(session, SIGKILL) }
            return try link.wait(forConnection: number + 2) - start
        }
        bars.add("one link back after its reset, median", waits.median, "s")
        bars.add("one link back after its reset, p95", waits.quantile(0.95), "s", atMost: 0.5)
    }

    /// All connections break in one moment. A herd would show in attempts: more than one each.
    private func measureCommonReset(_ links: [Watched], _ bars: inout Bars) throws {
        let failed = links.map(\.failures).reduce(0, +)
        let start = monotonicSeconds()
        for session in host.sessions { kill(session, SIGKILL) }
        let backs = try links.map { try $0.wait(forConnection: 2) - start }
        bars.add("all back after a common reset, median", backs.median, "s")
        bars.add("all back after a common reset, last", backs.max()!, "s")
        let attempts = Double(links.map(\.failures).reduce(0, +) - failed) / Double(links.count)
        bars.add("attempts of each for that", attempts, "", atMost: 1.5)
    }

    // MARK: Messages

    private func measureMessages(_ link: Watched, _ bars: inout Bars) throws {
        let raw = try RawChannel(host)
        // In turn, so that whatever else the machine does meets both.
        var (ours, theirs): ([Double], [Double]) = ([], [])
        for _ in 0..<500 {
            ours.append(Self.seconds { link.ask() })
            theirs.append(try Self.seconds { try raw.roundTrips(1) })
        }
        bars.add("a question and its answer, median", ours.median * 1e3, "ms")
        bars.add("100 bytes through cat and back, median", theirs.median * 1e3, "ms")
        bars.add("round trip beside raw", ours.median / theirs.median, "x", atMost: 2)
        let rates = try (0..<5).map { _ in
            let ours = Self.seconds { link.ask(2_000) }
            return try (ours: 2_000 / ours, theirs: 2_000 / Self.seconds { try raw.roundTrips(2_000) })
        }
        bars.add("questions answered a second, many under way", rates.map(\.ours).median, "")
        bars.add("messages a second through cat, many under way", rates.map(\.theirs).median, "")
        bars.add("rate beside raw", rates.map { $0.ours / $0.theirs }.median, "x", atLeast: 0.5)
    }

    private static func seconds(_ work: () throws -> Void) rethrows -> Double {
        let start = monotonicSeconds()
        try work()
        return monotonicSeconds() - start
    }

    // MARK: This process

    private static var privateKilobytes: Int {
        let lines = contents("/proc/self/smaps_rollup").map { String(decoding: $0, as: UTF8.self) } ?? ""
        return lines.split(separator: "\n").filter { $0.hasPrefix("Private_") }
            .compactMap { Int($0.filter(\.isNumber)) }.reduce(0, +)
    }

    private static var ownCPUSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// The stock client with `cat` at the other end.
final class RawChannel {
    private let client: ChildProcess
    private let there: Spawn.Pipe
    private let back: Spawn.Pipe

    init(_ host: Host) throws {
        (there, back) = (try Spawn.Pipe(), try Spawn.Pipe())
        var order = Program(["ssh"] + host.options() + ["\(host.user)@127.0.0.1", "cat"])
        (order.input, order.output, order.errors) = (there.reading, back.writing, 2)
        client = try order.spawn()
        close(there.reading)
        close(back.writing)
        try roundTrips(1)
    }

    deinit {
        client.signalGroup(SIGKILL)
        client.wait()
        close(there.writing)
        close(back.reading)
    }

    /// Sends so many messages of 100 bytes one behind the other, and waits until all are back.
    func roundTrips(_ count: Int) throws {
        let line = [UInt8](repeating: 97, count: 100)
        let end = there.writing
        let sent = Monitor(false)
        if count > 1 {
            onOwnThread {
                for _ in 0..<count { try? writeAll(line, to: end) }
                sent.use { $0 = true }
            }
        } else {
            try writeAll(line, to: end)
            sent.use { $0 = true }
        }
        var left = line.count * count
        while left > 0 {
            guard case .bytes(let bytes) = receive(back.reading) else { throw Unexpected("cat has ended") }
            left -= bytes.count
        }
        sent.wait { $0 ? () : nil }
    }
}
