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
        /// There are orders, room for news, or no need for the link any more.
        case change
        case outcome(SSHLine.Outcome)
    }

    private typealias Job = @Sendable () -> Void

    private struct State {
        var arrivals: [(Int, Arrival)] = []
        var numbers = 0
        var isRunning = false
        var jobs: [Job] = []
        var workers = 0
    }

    /// Wakes the thread.
    private let bell = Bell()
    private let state = Mutex(State())

    /// A number for a link that is to be taken up.
    func newNumber() -> Int {
        state.withLock { state in
            defer { state.numbers += 1 }
            return state.numbers
        }
    }

    /// Takes up a link, until it is closed.
    func add(_ link: NodeLink, as number: Int, to address: SSHAddress, home: CoordinatorHome) {
        tell(number, .link(link, address, home))
        let isRunning = state.withLock { state in
            defer { state.isRunning = true }
            return state.isRunning
        }
        guard !isRunning else { return }
        endWithoutTeardown()
        onOwnThread { [self] in run() }
    }

    /// The link of that number has something new to look at.
    func look(at number: Int) { tell(number, .change) }

    private func tell(_ number: Int, _ arrival: Arrival) {
        state.withLock { $0.arrivals.append((number, arrival)) }
        bell.ring()
    }

    // MARK: the thread

    /// Only lines that something has happened to are looked at: with hundreds of idle ones, to look at all of them
    /// each time that one is heard of would be most of the work.
    private func run() {
        var lines: [Int: SSHLine] = [:]
        let crowd = Crowd()
        var watch = SSHWatch(bell)
        while true {
            let (ready, due) = watch.wait()
            let now = monotonicSeconds()
            var touched = ready.union(due)
            for (number, arrival) in takeArrivals() {
                switch arrival {
                case .outcome(let outcome): lines[number]?.take(outcome, now: now)
                case .change: break
                case .link(let link, let address, let home):
                    lines[number] = SSHLine(link, to: address, home: home, in: crowd) { [self] work in
                        give(work, to: number)
                    }
                }
                touched.insert(number)
            }
            for number in touched {
                guard let line = lines[number], !line.isClosed else {
                    lines[number] = nil
                    watch.remove(number)
                    continue
                }
                line.advance(isReady: ready.contains(number), now: now)
                watch.set(number, line.wait, due: line.due)
            }
        }
    }

    private func takeArrivals() -> [(Int, Arrival)] {
        state.withLock { state in
            defer { state.arrivals = [] }
            return state.arrivals
        }
    }

    // MARK: the workers

    private func give(_ work: @escaping @Sendable () throws(LinkFailure) -> SSHLine.Outcome, to number: Int) {
        let job: Job = { [self] in
            let outcome: SSHLine.Outcome
            do throws(LinkFailure) { outcome = try work() } catch { outcome = .failed(error) }
            tell(number, .outcome(outcome))
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

/// Keeps links that begin, or were lost, in one moment from dialling in one moment: whoever shares a switch or a
/// jump host with hundreds of others would be given up before it could answer. Of the thread of `SSHLines` alone.
final class Crowd {
    /// The first of a second dials at once, the others so many a second.
    private static let rate = 100.0

    private var began = -Double.infinity
    private var count = 0

    /// How long one waits that would dial now. Seconds.
    func delay(now: Double) -> Double {
        if now > began + 1 { (began, count) = (now, 0) }
        defer { count += 1 }
        return Double(count) / Self.rate
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
