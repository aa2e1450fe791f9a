import Dispatch
import Glibc

/// SIGINT and SIGTERM, as news instead of death. The second one ends the process at once; the journal
/// can take that.
final class Interruptions {
    private let sources: [any DispatchSourceSignal]

    init(_ tell: @escaping @Sendable () -> Void) {
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                tell()
                signal(number, SIG_DFL)
            }
            source.resume()
            return source
        }
    }

    /// From now on they end the process again.
    func end() {
        sources.forEach { $0.cancel() }
        for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
    }
}
