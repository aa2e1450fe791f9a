import FleetModel

/// The best trials that ended so far, as parents: a function of the history and of how many are kept. Each
/// trial that ends joins, and the worst of one too many leaves (steady state, Durillo et al. 2009, "On the
/// effect of the steady-state selection scheme in multi-objective genetic algorithms").
struct NSGA2Population: Sendable {
    let capacity: Int
    /// How many of the ended trials have been looked at.
    private(set) var absorbed = 0
    /// How many of those failed.
    private(set) var failed = 0
    /// Indices of complete trials, and their losses.
    private var members: [Int] = []
    private var losses: [[Loss]] = []
    /// Pruned trials fill up what complete ones leave free.
    private var pruned: [Int] = []
    /// All of them and how they stand, as of the last trial.
    private(set) var parents: [Parent] = []

    struct Parent: Sendable {
        let index: Int
        /// From 0, of those that none dominates; pruned trials stand behind, each by itself.
        let front: Int
        let crowding: Double

        /// Deb et al. 2002, section III-B, the crowded comparison.
        func precedes(_ other: Parent) -> Bool {
            front == other.front ? crowding > other.crowding : front < other.front
        }
    }

    init(capacity: Int) {
        self.capacity = capacity
    }

    mutating func absorb(_ history: History) {
        guard absorbed < history.ended.count else { return }
        for index in history.ended[absorbed...] {
            switch history.trials[index].result {
            case .complete(let result): add(index, result)
            case .pruned: pruned = Array(history.ranking(of: pruned + [index]).order.prefix(capacity))
            case .failed, .running: failed += 1
            }
        }
        absorbed = history.ended.count
        let standing = standing()
        let fronts = standing.reduce(0) { max($0, $1.front + 1) }
        parents = standing
        for (place, index) in pruned.prefix(capacity - members.count).enumerated() {
            parents.append(Parent(index: index, front: fronts + place, crowding: 0))
        }
    }

    private mutating func add(_ index: Int, _ result: [Loss]) {
        // What lacks an objective, as a trial from elsewhere may, compares with nothing.
        guard losses.isEmpty || losses[0].count == result.count else { return }
        members.append(index)
        losses.append(result)
        guard members.count > capacity else { return }
        let standing = standing()
        // Of equal ones the latest leaves.
        let worst = standing.indices.reduce(0) { standing[$1].precedes(standing[$0]) ? $0 : $1 }
        members.remove(at: worst)
        losses.remove(at: worst)
    }

    /// In the order of `members`.
    private func standing() -> [Parent] {
        var standing = members.map { Parent(index: $0, front: 0, crowding: 0) }
        for (number, front) in Pareto.fronts(of: losses).enumerated() {
            for (place, room) in zip(front, Pareto.crowding(of: front.map { losses[$0] })) {
                standing[place] = Parent(index: members[place], front: number, crowding: room)
            }
        }
        return standing
    }

    /// The better of two drawn at random.
    func tournament(using generator: inout SeededGenerator) -> Parent {
        let (a, b) = (draw(using: &generator), draw(using: &generator))
        return b.precedes(a) ? b : a
    }

    private func draw(using generator: inout SeededGenerator) -> Parent {
        parents[min(Int(generator.unit() * Double(parents.count)), parents.count - 1)]
    }
}
