import Glibc
import Spawn
import Synchronization

/// Ends the program that runs now, once somebody wants no more of it.
final class Interruption: Sendable {
    private struct State {
        var child: ChildProcess?
        var hasCome = false
    }

    private let state = Mutex(State())

    var hasCome: Bool { state.withLock { $0.hasCome } }

    func come() {
        state.withLock { state in
            state.hasCome = true
            if let child = state.child { kill(child.pid, SIGTERM) }
        }
    }

    /// - Parameter child: not reaped as long as it is watched.
    func watch(_ child: ChildProcess?) {
        state.withLock { state in
            state.child = child
            if state.hasCome, let child { kill(child.pid, SIGTERM) }
        }
    }
}
