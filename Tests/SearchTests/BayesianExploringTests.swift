import FleetModel
import Foundation
import Search
import Testing

@Suite struct BayesianExploringTests {
    private func space() throws -> Space {
        try Space([
            Parameter("lr", .float(low: 1e-5, high: 1e-1, scale: .log)),
            Parameter("dropout", .float(low: 0, high: 1)),
        ])
    }

    /// The best learning rate falls from 1e-2 to 1e-4 in 20 segments; a quarter of the axis away, a segment
    /// brings nothing.
    private func change(_ assignment: Assignment, after segments: Int, noise: Double) -> Double {
        let best = -2 - 2 * Double(segments) / 20
        let lr = log10(assignment["lr"]?.number ?? 1)
        let dropout = assignment["dropout"]?.number ?? 9
        return (lr - best) * (lr - best) + (dropout - 0.3) * (dropout - 0.3) - 1 + noise
    }

    /// The sum of all changes of loss in a population of six, in which the worse half of each generation takes
    /// over from the better one.
    private func total(
        _ seed: Int,
        _ explore: (Assignment, [TrainingSegment], Int, [Assignment], inout SeededGenerator) -> Assignment
    ) throws -> Double {
        var g = SeededGenerator(seed: UInt64(seed))
        let space = try space()
        var members = (0..<6).map { _ in space.draw(using: &g) ?? [:] }
        var (segments, total): ([TrainingSegment], Double) = ([], 0)
        for generation in 1...20 {
            let changes = members.map { member in
                change(member, after: generation, noise: 0.1 * (g.unit() - 0.5))
            }
            total += changes.reduce(0, +)
            segments += zip(members, changes).map { TrainingSegment(step: 100 * generation, $0, change: $1) }
            let order = members.indices.sorted { changes[$0] < changes[$1] }
            var going = order.prefix(3).map { members[$0] }
            for index in 3..<6 {
                let from = members[order[index - 3]]
                let next = explore(from, segments, 100 * (generation + 1), going, &g)
                going.append(next)
            }
            members = going
        }
        return total
    }

    @Test func `an optimum that moves is followed better than by chance`() throws {
        let space = try space()
        var (better, model, chance) = (0, 0.0, 0.0)
        for seed in 0..<6 {
            let learned = try total(seed) { from, segments, step, others, g in
                space.explored(from: from, learningFrom: segments, until: step, beside: others, using: &g)
            }
            let moved = try total(seed) { from, _, _, _, g in space.explored(from: from, using: &g) }
            (model, chance) = (model + learned, chance + moved)
            if learned < moved { better += 1 }
        }
        #expect(better >= 5 && model < chance - 6 * 10, "\(better) of 6: \(model) and \(chance)")
    }

    @Test func `it stays in the space, keeps its constraints and answers the same again`() throws {
        var g = SeededGenerator(seed: 5)
        for round in 0..<25 {
            let space = try Space.ruled(&g)
            guard let from = space.draw(using: &g) else { continue }
            let segments = (0..<g.int(4...20)).compactMap { number in
                space.draw(using: &g).map { TrainingSegment(step: number / 3, $0, change: g.unit() - 0.5) }
            }
            var (one, two) = (SeededGenerator(seed: UInt64(round)), SeededGenerator(seed: UInt64(round)))
            let next = space.explored(
                from: from, learningFrom: segments, until: 9, beside: [from], using: &one)
            #expect(space.problem(with: next) == nil && space.allows(next))
            #expect(
                space.explored(
                    from: from, learningFrom: segments.shuffledByStep, until: 9, beside: [from], using: &two
                ) == next)
        }
    }

    @Test func `of few segments nothing is learned`() throws {
        let space = try space()
        let from: Assignment = ["lr": .float(1e-3), "dropout": .float(0.5)]
        let few = Array(repeating: TrainingSegment(step: 1, from, change: -1), count: 3)
        var (one, two) = (SeededGenerator(seed: 1), SeededGenerator(seed: 1))
        #expect(
            space.explored(from: from, learningFrom: few, until: 2, using: &one)
                == space.explored(from: from, using: &two))
    }
}

extension [TrainingSegment] {
    /// In another order, those of one step in the same.
    fileprivate var shuffledByStep: [TrainingSegment] {
        let steps = Set(map(\.step)).sorted(by: >)
        return steps.flatMap { step in filter { $0.step == step } }
    }
}
