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
    private var violations: [Double] = []
    /// Pruned trials fill up what complete ones leave free.
    private var pruned: [Int] = []
    /// All of them and how they stand, as of the last trial.
    private(set) var parents: [Parent] = []

    struct Parent: Sendable {
        let index: Int
        /// Of the study's constraints on what trials measure; 0 for none.
        let violation: Double
        /// From 0, of those that none dominates among all that keep the constraints, or among all that do not;
        /// pruned trials stand behind, each by itself.
        let front: Int
        let crowding: Double

        /// Deb et al. 2002, section III-B, the crowded comparison, by the constrained domination of section VI.
        func precedes(_ other: Parent) -> Bool {
            if violation != other.violation { return violation < other.violation }
            return front == other.front ? crowding > other.crowding : front < other.front
        }
    }

    init(capacity: Int) {
        self.capacity = capacity
    }

    mutating func absorb(_ history: History) {
        guard absorbed < history.ended.count else { return }
        for index in history.ended[absorbed...] {
            switch history.trials[index].result {
            case .complete(let result): add(index, result, history.trials[index].violation)
            case .pruned: pruned = Array(history.ranking(of: pruned + [index]).order.prefix(capacity))
            case .failed, .running: failed += 1
            }
        }
        absorbed = history.ended.count
        let standing = standing()
        let fronts = standing.reduce(0) { max($0, $1.front + 1) }
        parents = standing
        for (place, index) in pruned.prefix(capacity - members.count).enumerated() {
            let violation = history.trials[index].violation
            parents.append(
                Parent(index: index, violation: violation, front: fronts + place, crowding: 0))
        }
    }

    private mutating func add(_ index: Int, _ result: [Loss], _ violation: Double) {
        // What lacks an objective, as a trial from elsewhere may, compares with nothing.
        guard losses.isEmpty || losses[0].count == result.count else { return }
        members.append(index)
        losses.append(result)
        violations.append(violation)
        guard members.count > capacity else { return }
        let standing = standing()
        // Of equal ones the latest leaves.
        let worst = standing.indices.reduce(0) { standing[$1].precedes(standing[$0]) ? $0 : $1 }
        members.remove(at: worst)
        losses.remove(at: worst)
        violations.remove(at: worst)
    }

    /// In the order of `members`.
    private func standing() -> [Parent] {
        var standing: [Parent?] = Array(repeating: nil, count: members.count)
        for group in [
            members.indices.filter { violations[$0] == 0 }, members.indices.filter { violations[$0] > 0 },
        ] {
            for (number, front) in Pareto.fronts(of: group.map { losses[$0] }).enumerated() {
                let places = front.map { group[$0] }
                for (place, room) in zip(places, Pareto.crowding(of: places.map { losses[$0] })) {
                    standing[place] = Parent(
                        index: members[place], violation: violations[place], front: number, crowding: room)
                }
            }
        }
        return standing.compactMap(\.self)
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
