import Glibc

/// Calls `body` with 0..<count, each on a thread of its own (0 on the caller's), and waits for all. Starting
/// a thread costs some 30 µs, little beside a training step.
func inParallel(_ count: Int, _ body: @Sendable (Int) -> Void) {
    withoutActuallyEscaping(body) { body in
        let threads = (1..<max(1, count)).map { index in Thread { body(index) } }
        body(0)
        threads.forEach { $0.join() }
    }
}

/// A POSIX thread that runs one closure.
private struct Thread {
    private final class Work {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }

    /// nil where the system gave no thread and the work was done at once by the caller.
    private let id: pthread_t?

    init(_ body: @escaping () -> Void) {
        var id = pthread_t()
        let work = Unmanaged.passRetained(Work(body))
        let failure = pthread_create(
            &id, nil,
            { work in
                Unmanaged<Work>.fromOpaque(work!).takeRetainedValue().body()
                return nil
            }, work.toOpaque())
        self.id = failure == 0 ? id : nil
        if failure != 0 { work.takeRetainedValue().body() }
    }

    func join() {
        if let id { pthread_join(id, nil) }
    }
}
