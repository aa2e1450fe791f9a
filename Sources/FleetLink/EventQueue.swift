import Synchronization

/// Events between the link's thread and the one who listens: at most `capacity` wait, then the thread
/// stops reading, so that the agent's files stay the queue.
final class EventQueue: Sendable {
    static let capacity = 64

    private struct State {
        var events: [LinkEvent] = []
        var listener: CheckedContinuation<LinkEvent?, Never>?
        var isClosed = false
    }

    private let state = Mutex(State())
    /// Called when there is room again.
    private let roomMade: @Sendable () -> Void

    init(roomMade: @escaping @Sendable () -> Void) { self.roomMade = roomMade }

    var isFull: Bool { state.withLock { $0.events.count >= Self.capacity } }

    func put(_ event: LinkEvent) {
        let listener = state.withLock { state -> CheckedContinuation<LinkEvent?, Never>? in
            guard !state.isClosed else { return nil }
            if let listener = state.listener {
                state.listener = nil
                return listener
            }
            state.events.append(event)
            return nil
        }
        listener?.resume(returning: event)
    }

    /// The next event; nil when the link is closed or the listener's task cancelled. One listener at a time.
    func next() async -> LinkEvent? {
        await withTaskCancellationHandler {
            await wait()
        } onCancel: {
            dismissListener()
        }
    }

    private func wait() async -> LinkEvent? {
        await withCheckedContinuation { continuation in
            let (answer, hadRoom) = state.withLock { state -> (LinkEvent??, Bool) in
                let isFull = state.events.count >= Self.capacity
                if !state.events.isEmpty { return (state.events.removeFirst(), !isFull) }
                if state.isClosed || Task.isCancelled { return (.some(nil), true) }
                precondition(state.listener == nil, "a link's events have one listener")
                state.listener = continuation
                return (nil, true)
            }
            if let answer { continuation.resume(returning: answer) }
            if !hadRoom { roomMade() }
        }
    }

    /// Ends the events; those that wait are dropped.
    func close() {
        state.withLock { state in
            state.isClosed = true
            state.events = []
        }
        dismissListener()
    }

    private func dismissListener() {
        let listener = state.withLock { state in
            defer { state.listener = nil }
            return state.listener
        }
        listener?.resume(returning: nil)
    }
}
