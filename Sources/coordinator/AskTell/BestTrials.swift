import FleetModel
import Search

/// The best complete trial, the earliest of equals; for several objectives those that no other dominates.
struct BestTrials {
    struct Member {
        let number: Int
        let losses: [Loss]
    }

    private var members: [Member] = []

    /// By number, rising.
    var sorted: [Member] { members.sorted { $0.number < $1.number } }

    /// As many losses as every other trial has.
    mutating func add(_ number: Int, _ losses: [Loss]) {
        let new = Member(number: number, losses: losses)
        if losses.count == 1 {
            let isBetter = members.first.map { (losses[0], number) < ($0.losses[0], $0.number) } ?? true
            if isBetter { members = [new] }
            return
        }
        guard !members.contains(where: { Pareto.dominates($0.losses, losses) }) else { return }
        members.removeAll { Pareto.dominates(losses, $0.losses) }
        members.append(new)
    }
}
