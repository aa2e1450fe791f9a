import FleetModel
import Search

/// What one request changed, in a form that is kept.
enum Change {
    /// A trial was given, with the next number.
    case began(Assignment, isEnqueued: Bool)
    /// A paused trial was given again.
    case resumed(Int)
    case reported(Int, Request.Step, Reply.Decision)
    case told(Int, Request.Outcome)
    case added(Assignment, Request.Outcome, [Request.Step])
    case enqueued(Assignment)

    /// Whether it holds what cost the client something, which a power failure had better not take.
    var isResult: Bool {
        switch self {
        case .began, .resumed, .enqueued: false
        case .reported(_, _, let decision): decision != .go
        case .told, .added: true
        }
    }
}
