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

    /// A link and its events, which one task reads.
    private final class Watched: Sendable {
        let link: NodeLink
        private let connections = Monitor(0)
        private let answers = Monitor(0)
        private let task: Task<Void, Never>

        init(_ link: NodeLink) {
            self.link = link
            let (connections, answers) = (connections, answers)
            task = Task {
                for await event in link.events {
                    switch event {
                    case .connected: connections.use { $0 += 1 }
                    case .news(.runs): answers.use { $0 += 1 }
                    case .disconnected, .news: break
                    }
                }
            }
        }

        /// Blocks until it has connected so often.
        func wait(forConnection number: Int) { connections.wait { $0 >= number ? () : nil } }

        /// Asks what runs of a study there are, and blocks until it is told.
        func ask() {
            let before = answers.use { $0 }
            link.send(.follow(study: TransferSpeed.study, offsets: []))
            answers.wait { $0 > before ? () : nil }
        }

        func close() {
            link.close()
            task.cancel()
        }
    }

    /// Waiting blocks, so all of it is on a thread of its own.
    func measure() async throws {
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            onOwnThread { done.resume(with: Result { try measureBlocking() }) }
        }
    }

    private func measureBlocking() throws {
        let first = Watched(try host.link(named: "n0"))
        first.wait(forConnection: 1)
        let firstSession = host.sessions
        let before = Self.residentKilobytes
        var start = monotonicSeconds()
        let others = try (1..<count).map { Watched(try host.link(named: "n\($0)")) }
        for link in others { link.wait(forConnection: 1) }
        print("\(count) links attached from cold: \(text(monotonicSeconds() - start)) s")
        print("memory a link: \((Self.residentKilobytes - before) / max(1, count - 1)) KB")
        let cpu = Self.ownCPUSeconds
        usleep(10_000_000)
        print("idle: \(text((Self.ownCPUSeconds - cpu) * 10)) % of a core for all")
        let standing = Set(host.sessions).subtracting(firstSession)
        let waits = (0..<20).map { number -> Double in
            start = monotonicSeconds()
            for session in host.sessions where !standing.contains(session) { kill(session, SIGKILL) }
            first.wait(forConnection: number + 2)
            return monotonicSeconds() - start
        }
        print("one link back after its reset: median \(text(waits, 0.5)) s, p95 \(text(waits, 0.95)) s")
        start = monotonicSeconds()
        for session in host.sessions { kill(session, SIGKILL) }
        let backs = others.map { link -> Double in
            link.wait(forConnection: 2)
            return monotonicSeconds() - start
        }
        print("all links back after a common reset: median \(text(backs, 0.5)) s, last \(text(backs, 1)) s")
        first.wait(forConnection: 22)
        try measureRoundTrips(first)
        for link in others + [first] { link.close() }
    }

    private func measureRoundTrips(_ link: Watched) throws {
        func time(_ work: () throws -> Void) rethrows -> [Double] {
            try (0..<500).map { _ in
                let start = monotonicSeconds()
                try work()
                return monotonicSeconds() - start
            }
        }
        let ours = time { link.ask() }
        let (there, back) = (try Spawn.Pipe(), try Spawn.Pipe())
        var order = Program(["ssh"] + host.options + ["\(host.user)@127.0.0.1", "cat"])
        (order.input, order.output, order.errors) = (there.reading, back.writing, 2)
        let raw = try order.spawn()
        close(there.reading)
        close(back.writing)
        let line = [UInt8](repeating: 97, count: 100)
        let theirs = try time {
            try writeAll(line, to: there.writing)
            var left = line.count
            while left > 0, case .bytes(let bytes) = receive(back.reading) { left -= bytes.count }
        }
        raw.signalGroup(SIGKILL)
        raw.wait()
        print(
            "a question and its answer: median \(text(ours.map { $0 * 1_000 }, 0.5)) ms, "
                + "100 bytes through cat \(text(theirs.map { $0 * 1_000 }, 0.5)) ms: "
                + "\(text(Self.quantile(ours, 0.5) / Self.quantile(theirs, 0.5))) x")
    }

    private static var residentKilobytes: Int {
        let words = contents("/proc/self/statm").map { String(decoding: $0, as: UTF8.self) } ?? ""
        return (words.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4
    }

    private static var ownCPUSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func quantile(_ values: [Double], _ share: Double) -> Double {
        values.sorted()[min(values.count - 1, Int(Double(values.count) * share))]
    }

    private func text(_ values: [Double], _ share: Double) -> String { text(Self.quantile(values, share)) }

    private func text(_ value: Double) -> String { String(format: "%.3f", value) }
}
