import FleetModel
import Glibc
import Spawn
import Synchronization
import Wire

/// One link over SSH, as the thread of `SSHLines` drives it: nothing here ever waits.
final class SSHLine {
    /// How far a connection has come.
    private enum Stage {
        case resting(until: Double)
        /// A worker looks up where to go, and begins to connect.
        case routing
        /// Until the host says something.
        case dialling(Dial, until: Double)
        /// A worker shakes hands; cut off where that takes too long.
        case shaking(Dial, until: Double)
        case talking(SSHTalk)
    }

    /// What a worker came back with.
    enum Outcome: Sendable {
        case dialled(Dial, Route)
        case shaken(SSHSession)
        case failed(LinkFailure)
    }

    /// A host that takes connections but says nothing, or takes none, is given up after this. Seconds.
    private static let dialSeconds = 4.0
    private static let shakeSeconds = 10.0
    /// So long may an agent take to say hello, login scripts included; twice as long each time that it took longer,
    /// because whoever hangs up on a busy machine's scripts and starts them again keeps it busy. Seconds.
    private static let (helloSeconds, longestHello) = (15.0, 120.0)
    /// After a refused login: sshd would hold more against us.
    private static let refusedSeconds = 60.0

    private let link: NodeLink
    private let address: SSHAddress
    private let home: CoordinatorHome
    /// Has a worker do something, and tells this line what came of it.
    private let ask: (@escaping @Sendable () throws(LinkFailure) -> Outcome) -> Void
    private let crowd: Crowd
    private var stage: Stage
    private var backOff = BackOff()
    private var turn = 0
    /// As long as it leads to the host.
    private var route: Route?
    private var wasConnected = false
    private var patience = helloSeconds

    init(
        _ link: NodeLink, to address: SSHAddress, home: CoordinatorHome, in crowd: Crowd,
        ask: @escaping (@escaping @Sendable () throws(LinkFailure) -> Outcome) -> Void
    ) {
        (self.link, self.address, self.home, self.crowd, self.ask) = (link, address, home, crowd, ask)
        let now = monotonicSeconds()
        stage = .resting(until: now + crowd.delay(now: now))
    }

    var isClosed: Bool { link.shared.withLock { $0.isClosed } }

    /// What to wait for in `poll`.
    var wait: pollfd {
        switch stage {
        case .resting, .routing, .shaking: pollfd(fd: -1, events: 0, revents: 0)
        case .dialling(let dial, _): pollfd(fd: dial.socket, events: Int16(POLLIN), revents: 0)
        case .talking(let talk): talk.wait
        }
    }

    /// When to look at the latest.
    var due: Double {
        switch stage {
        case .resting(let until), .dialling(_, let until), .shaking(_, let until): until
        case .routing: .infinity
        case .talking(let talk): talk.due
        }
    }

    /// Goes on as far as it can. `isReady`: what was waited for has come.
    func advance(isReady: Bool, now: Double) {
        switch stage {
        case .resting(let until): if now >= until { begin() }
        case .routing: break
        case .dialling(let dial, let until): look(at: dial, isReady: isReady, until: until, now: now)
        case .shaking(let dial, let until):
            guard now >= until else { break }
            // The worker's call ends with an error.
            shutdown(dial.socket, Int32(SHUT_RDWR))
            stage = .shaking(dial, until: .infinity)
        case .talking(let talk):
            do {
                try talk.advance(isReady: isReady, now: now)
                if talk.isConnected { (wasConnected, patience) = (true, Self.helloSeconds) }
            } catch {
                if now >= talk.helloDue, !talk.isConnected { patience = min(2 * patience, Self.longestHello) }
                fail(error, now: now)
            }
        }
    }

    private func begin() {
        let (address, home, turn, known) = (address, home, turn, route)
        self.turn += 1
        stage = .routing
        ask { () throws(LinkFailure) in
            let route = if let known { known } else { try Route(to: address, home: home) }
            return .dialled(try Dial(route, turn: turn), route)
        }
    }

    private func look(at dial: Dial, isReady: Bool, until: Double, now: Double) {
        if isReady, let fault = dial.fault {
            fail(.unreachable(host: address.host, why: fault), now: now)
        } else if isReady, dial.isReady {
            let (address, home) = (address, home)
            stage = .shaking(dial, until: now + Self.shakeSeconds)
            ask { () throws(LinkFailure) in
                .shaken(try SSHSession(over: dial, to: address, verb: .attach, home: home, patience: 5))
            }
        } else if now >= until {
            let why = "it said nothing within \(Self.dialSeconds) s"
            fail(.unreachable(host: address.host, why: why), now: now, wasSilent: true)
        }
    }

    /// What a worker was asked for has come.
    func take(_ outcome: Outcome, now: Double) {
        switch outcome {
        case .failed(let failure): fail(failure, now: now)
        case .dialled(let dial, let route):
            self.route = route
            link.shared.withLock { $0.route = route }
            stage = .dialling(dial, until: now + Self.dialSeconds)
        case .shaken(let session):
            stage = .talking(SSHTalk(session, link: link, now: now, patience: patience))
        }
    }

    private func fail(_ failure: LinkFailure, now: Double, wasSilent: Bool = false) {
        var delay = 0.0
        if wasConnected {
            backOff.reset()
            delay = crowd.delay(now: now)
        } else {
            route = nil
        }
        wasConnected = false
        delay = max(delay, backOff.delay())
        if case .keyRefused = failure { delay = max(delay, Self.refusedSeconds * .random(in: 0.5...1)) }
        // An attempt at a silent host took its time, and its end may be any moment.
        if wasSilent { delay = .random(in: 0.1...0.4) }
        if failure.isFinal { delay = .infinity }
        stage = .resting(until: now + delay)
        link.isDown(because: failure, retryIn: delay)
    }
}
