import Glibc

/// Runs `body` on a thread of its own, for what blocks: the shared pool of Swift's tasks must not.
package func onOwnThread(_ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let context = Unmanaged.passRetained(Box(body)).toOpaque()
    let code = pthread_create(
        &thread, nil,
        { context in
            Unmanaged<Box>.fromOpaque(context!).takeRetainedValue().body()
            return nil
        }, context)
    precondition(code == 0, "the system has no thread left: \(String(cString: strerror(code)))")
    pthread_detach(thread)
}

/// Does what it is given, one after the other, on a thread of its own that gives way to all others.
package final class BackgroundThread: Sendable {
    private struct State {
        var waiting: [@Sendable () -> Void] = []
        var isOver = false
    }

    /// As `nice` does by itself; a user may not take it back.
    private static let niceness: Int32 = 10

    private let state = Monitor(State())

    package init() {
        let state = state
        onOwnThread {
            // Linux's setpriority(2) means a thread by it, and 0 the one that asks.
            setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.niceness)
            while let work = Self.next(of: state) { work() }
        }
    }

    /// What was asked for is done all the same.
    deinit { state.use { $0.isOver = true } }

    /// Does it after all that was asked for before.
    package func add(_ work: @escaping @Sendable () -> Void) { state.use { $0.waiting.append(work) } }

    /// Does it after all that was asked for before, and waits for that.
    package func addAndWait(_ work: @escaping @Sendable () -> Void) {
        let isDone = Monitor(false)
        add {
            work()
            isDone.use { $0 = true }
        }
        isDone.wait { $0 ? () : nil }
    }

    private static func next(of state: Monitor<State>) -> (@Sendable () -> Void)? {
        state.wait { state -> (@Sendable () -> Void)?? in
            if !state.waiting.isEmpty { return state.waiting.removeFirst() }
            return state.isOver ? .some(nil) : nil
        }
    }
}

/// Seconds on a clock that only goes forward.
package func monotonicSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
