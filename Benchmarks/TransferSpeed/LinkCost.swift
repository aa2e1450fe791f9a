import FleetLink
import FleetModel
import Foundation
import Spawn
import Wire

/// What links cost: attaching many at once, keeping them idle, coming back after a reset of one and of all, a
/// question's way there and back, and a run's reports, both beside the stock client with `cat` over the same sshd.
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
            theirs.append(try Self.seconds { try raw.roundTrip() })
        }
        bars.add("a question and its answer, median", ours.median * 1e3, "ms")
        bars.add("100 bytes through cat and back, median", theirs.median * 1e3, "ms")
        bars.add("round trip beside raw", ours.median / theirs.median, "x", atMost: 2)
        try measureReports(link, &bars)
    }

    /// Reports are what there is much of: those of a run, from its file on the node to whoever listens, beside `cat` of
    /// that file.
    private func measureReports(_ link: Watched, _ bars: inout Bars) throws {
        let count = 200_000
        let run = RunKey(
            study: TransferSpeed.study, run: RunID(trial: TrialID(stage: 9, number: 0), attempt: 0))
        let folder = TrialFolder(path: host.home("node") + "/runs/" + run.folder)
        try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
        let lines = try (1...count).flatMap { step in
            let metrics = [
                "loss": Reading(2.5178 - Double(step) / 1e6), "tokens_per_second": Reading(18_231.5),
            ]
            return try Lines.encode(.report(report: Report(step: step, metrics: metrics)))
        }
        try Data(lines).write(to: URL(fileURLWithPath: folder.events))
        try Data("{}\n".utf8).write(to: URL(fileURLWithPath: folder.spec))
        let rates = try (0..<5).map { _ in
            let raw = try RawChannel(host, "read go; exec cat \(folder.events)")
            let ours = Self.seconds { link.follow(TransferSpeed.study, events: count) }
            return (ours: ours, theirs: try Self.seconds { try raw.receive(lines.count) })
        }
        bars.add("reports a second", Double(count) / rates.map(\.ours).median, "")
        bars.add("the same lines a second through cat", Double(count) / rates.map(\.theirs).median, "")
        bars.add("rate beside raw", rates.map { $0.theirs / $0.ours }.median, "x", atLeast: 0.5)
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

/// The stock client with a shell's command at the other end.
final class RawChannel {
    private let client: ChildProcess
    private let there: Spawn.Pipe
    private let back: Spawn.Pipe
    private static let line = [UInt8](repeating: 97, count: 99) + [UInt8(ascii: "\n")]

    init(_ host: Host, _ command: String = "exec cat") throws {
        (there, back) = (try Spawn.Pipe(), try Spawn.Pipe())
        var order = Program(["ssh"] + host.options() + ["\(host.user)@127.0.0.1", "echo; " + command])
        (order.input, order.output, order.errors) = (there.reading, back.writing, 2)
        client = try order.spawn()
        close(there.reading)
        close(back.writing)
        try take(1)
    }

    deinit {
        client.signalGroup(SIGKILL)
        client.wait()
        close(there.writing)
        close(back.reading)
    }

    /// Sends a message of 100 bytes to `cat`, and waits until it is back.
    func roundTrip() throws {
        try writeAll(Self.line, to: there.writing)
        try take(Self.line.count)
    }

    /// Sends the word to go, and waits until so many bytes have come.
    func receive(_ count: Int) throws {
        try writeAll([UInt8(ascii: "\n")], to: there.writing)
        try take(count)
    }

    private func take(_ count: Int) throws {
        var left = count
        while left > 0 {
            guard case .bytes(let bytes) = Spawn.receive(back.reading) else {
                throw Unexpected("ssh has ended")
            }
            left -= bytes.count
        }
    }
}
