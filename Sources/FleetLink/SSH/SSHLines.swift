import Glibc
import Spawn
import Wire
import Synchronization

/// All SSH links of this process: one thread waits for all of them, and at most `workers` more look up hosts
/// and shake hands, which libssh does well only by blocking.
final class SSHLines: Sendable {
    static let shared = SSHLines()
    /// A handshake takes a few round trips: 200 hosts 50 ms away are there in about 3 s.
    private static let workers = 16

    /// What reaches the thread from others.
    private enum Arrival: Sendable {
        case link(NodeLink, SSHAddress, CoordinatorHome)
        case outcome(Int, SSHLine.Outcome)
    }

    private typealias Job = @Sendable () -> Void

    private struct State {
        var arrivals: [Arrival] = []
        var isRunning = false
        var jobs: [Job] = []
        var workers = 0
    }

    /// Wakes the thread.
    let bell = Bell()
    private let state = Mutex(State())

    /// Takes up a link, until it is closed.
    func add(_ link: NodeLink, to address: SSHAddress, home: CoordinatorHome) {
        let isRunning = state.withLock { state in
            state.arrivals.append(.link(link, address, home))
            defer { state.isRunning = true }
            return state.isRunning
        }
        if isRunning { return bell.ring() }
        endWithoutTeardown()
        onOwnThread { [self] in run() }
    }

    // MARK: the thread

    private func run() {
        var lines: [Int: SSHLine] = [:]
        var count = 0
        while true {
            let now = monotonicSeconds()
            for arrival in takeArrivals() {
                switch arrival {
                case .outcome(let number, let outcome): lines[number]?.take(outcome, now: now)
                case .link(let link, let address, let home):
                    let number = count
                    count += 1
                    lines[number] = SSHLine(link, to: address, home: home) { [self] work in
                        give(work, to: number)
                    }
                }
            }
            lines = lines.filter { !$0.value.isClosed }
            wait(for: Array(lines.values), now: now)
        }
    }

    private func takeArrivals() -> [Arrival] {
        state.withLock { state in
            defer { state.arrivals = [] }
            return state.arrivals
        }
    }

    /// Waits until something is ready or due, then lets every line go on.
    private func wait(for lines: [SSHLine], now: Double) {
        var waits = [pollfd(fd: bell.descriptor, events: Int16(POLLIN), revents: 0)] + lines.map(\.wait)
        let left = (lines.map(\.due).min() ?? .infinity) - now
        _ = poll(&waits, nfds_t(waits.count), left > 0 ? Int32(min(left, 3_600) * 1_000) + 1 : 0)
        if waits[0].revents != 0 { bell.silence() }
        let now = monotonicSeconds()
        for (line, wait) in zip(lines, waits.dropFirst()) {
            line.advance(isReady: wait.revents != 0, now: now)
        }
    }

    // MARK: the workers

    private func give(_ work: @escaping @Sendable () throws(LinkFailure) -> SSHLine.Outcome, to number: Int) {
        let job: Job = { [self] in
            let outcome: SSHLine.Outcome
            do throws(LinkFailure) { outcome = try work() } catch { outcome = .failed(error) }
            state.withLock { $0.arrivals.append(.outcome(number, outcome)) }
            bell.ring()
        }
        let isNeeded = state.withLock { state in
            state.jobs.append(job)
            guard state.workers < Self.workers else { return false }
            state.workers += 1
            return true
        }
        if isNeeded { onOwnThread { [self] in workOff() } }
    }

    private func workOff() {
        while let job = nextJob() { job() }
    }

    private func nextJob() -> Job? {
        state.withLock { state in
            guard state.jobs.isEmpty else { return state.jobs.removeFirst() }
            state.workers -= 1
            return nil
        }
    }
}

/// The process ends, when it does, before handlers of libraries run: OpenSSL would tear itself down under the feet
/// of the threads that keep links. What is registered last runs first, so say it again before the end.
public func endWithoutTeardown() {
    on_exit(
        { status, _ in
            fflush(nil)
            _exit(status)
        }, nil)
}
