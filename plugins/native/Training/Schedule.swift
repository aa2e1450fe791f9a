import Glibc

/// How the learning rate goes over the steps of a trial, after a linear warm-up from 0.
enum Schedule: String, CaseIterable, Codable {
    case constant
    /// Down to 0 in a straight line.
    case linear
    /// Down to 0 along half a cosine (Loshchilov, Hutter 2016, without restarts).
    case cosine

    /// The share of the learning rate for step `step`, counted from 0, of `steps`: in (0, 1].
    func share(step: Int, of steps: Int, warmup: Int) -> Double {
        if step < warmup { return Double(step + 1) / Double(warmup) }
        let progress = Double(step - warmup) / Double(max(1, steps - warmup))
        return switch self {
        case .constant: 1
        case .linear: 1 - progress
        case .cosine: 0.5 * (1 + cos(.pi * progress))
        }
    }
}
