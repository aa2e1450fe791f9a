import Glibc

/// A value that threads share, and wait for each other on.
///
/// Unlike `Mutex` it can wait for a change; unlike tasks, who waits may block.
package final class Monitor<Value>: @unchecked Sendable {
    // Protected by `mutex`.
    private var value: Value
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let change = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    package init(_ value: Value) {
        self.value = value
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(change, nil)
    }

    deinit {
        pthread_cond_destroy(change)
        pthread_mutex_destroy(mutex)
        change.deallocate()
        mutex.deallocate()
    }

    /// Looks at the value, or changes it; everybody who waits looks again.
    package func use<Answer, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Answer
    ) throws(Failure) -> Answer {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(change)
            pthread_mutex_unlock(mutex)
        }
        return try body(&value)
    }

    /// Waits until `body` has an answer.
    package func wait<Answer>(for body: (inout Value) -> Answer?) -> Answer {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(change)
            pthread_mutex_unlock(mutex)
        }
        while true {
            if let answer = body(&value) { return answer }
            pthread_cond_wait(change, mutex)
        }
    }
}

/// Does `work` for every number below `count` on so many threads, and waits until all is done. Each thread
/// has a buffer of `bufferSize` bytes, for all that it does.
///
/// - Throws: the first fault; what was not begun by then is left out.
package func inParallel(
    _ count: Int, threads: Int, bufferSize: Int,
    _ work: @escaping @Sendable (Int, UnsafeMutableRawBufferPointer) throws -> Void
) throws {
    struct State {
        var next = 0
        var working: Int
        var fault: (any Error)?
    }
    let working = max(1, min(threads, count))
    let state = Monitor(State(working: working))
    @Sendable func body() {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bufferSize, alignment: 4_096)
        defer { buffer.deallocate() }
        while let number = state.use({ state -> Int? in
            guard state.fault == nil, state.next < count else { return nil }
            defer { state.next += 1 }
            return state.next
        }) {
            do { try work(number, buffer) } catch { state.use { $0.fault = $0.fault ?? error } }
        }
        state.use { $0.working -= 1 }
    }
    for _ in 1..<working { onOwnThread(body) }
    body()
    if let fault = state.wait(for: { $0.working == 0 ? Optional($0.fault) : nil }) { throw fault }
}
