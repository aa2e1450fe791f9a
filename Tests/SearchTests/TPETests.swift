import FleetModel
import Foundation
@testable import Search
import Testing

@Suite struct TPETests {
    static let plane = [
        Parameter("x", .float(low: -5, high: 5)), Parameter("y", .float(low: 1e-5, high: 1, scale: .log)),
        Parameter("kind", .categorical(choices: [.string("good"), .string("bad"), .string("worse")])),
    ]

    /// A bowl with its bottom at x = 2, y about 1e-3, kind good.
    static func bowl(_ point: Assignment) -> Loss {
        let (x, y) = (point["x"]?.number ?? 9, point["y"]?.number ?? 1)
        var decades = 0.0
        var power = y
        while power < 1e-3 { (power, decades) = (power * 1.25, decades + 0.1) }
        while power > 1e-3 { (power, decades) = (power / 1.25, decades + 0.1) }
        let penalty = point["kind"] == .string("good") ? 0.0 : point["kind"] == .string("bad") ? 3 : 6
        return .of((x - 2) * (x - 2) + decades * decades + penalty)
    }

    static func best(of sampler: SamplerKind, seed: UInt64) throws -> Loss {
        let space = try Space(plane)
        var g = SeededGenerator(seed: seed)
        var past: [Observation] = []
        for _ in 0..<60 {
            let proposal = try #require(sampler.propose(in: space, history: past, using: &g))
            past.append(Observation(proposal.assignment, .complete(bowl(proposal.assignment))))
        }
        return try #require(past.map { bowl($0.assignment) }.min())
    }

    @Test func `TPE finds the bottom of a bowl better than chance`() throws {
        let wins = try (0..<40).count { seed in
            try Self.best(of: .tpe(TPESampler(candidates: 16)), seed: UInt64(seed))
                < Self.best(of: .random(RandomSampler()), seed: UInt64(seed))
        }
        // A sampler no better than chance reaches 31 of 40 once in 3,000 tries.
        #expect(wins >= 31, "\(wins) of 40")
    }

    @Test func `with many trials running no proposal is made twice`() throws {
        let space = try Space([
            Parameter("x", .float(low: 0, high: 1)), Parameter("n", .int(low: 1, high: 400, scale: .log)),
        ])
        var g = SeededGenerator(seed: 12)
        var past = history(of: 20, in: space, &g)
        let before = past.count
        for _ in 0..<64 {
            let proposal = try #require(TPESampler().propose(in: space, history: past, using: &g))
            past.append(Observation(proposal.assignment, .running))
        }
        #expect(Set(past.map(\.assignment)).count == before + 64)
    }

    @Test func `running trials push the next proposals away`() throws {
        let space = try Space([Parameter("x", .float(low: 0, high: 1))])
        let past = (0..<30).map { index in
            let x = Double(index) / 29
            return Observation(["x": .float(x)], .complete(.of(abs(x - 0.5))))
        }
        let crowd = past + (0..<20).map { Observation(["x": .float(0.45 + Double($0) * 0.005)], .running) }
        func middle(_ history: [Observation]) -> Int {
            (0..<50).count { seed in
                var g = SeededGenerator(seed: UInt64(seed))
                let x = TPESampler().propose(in: space, history: history, using: &g)?.assignment["x"]?.number
                return abs((x ?? 0) - 0.5) < 0.05
            }
        }
        #expect(middle(crowd) * 2 < middle(past))
    }

    @Test func `small spaces are covered before anything is repeated, also with all trials running`() throws {
        let space = try Space([
            Parameter("n", .int(low: 1, high: 12)),
            Parameter("kind", .categorical(choices: [.string("a"), .string("b"), .string("c")])),
            Parameter("rate", .float(low: 1, high: 3, scale: .step(1)), when: ["kind": [.string("b")]]),
        ])
        var g = SeededGenerator(seed: 13)
        var past: [Observation] = []
        for number in 0..<60 {
            let proposal = try #require(TPESampler(startup: 2).propose(in: space, history: past, using: &g))
            past.append(
                Observation(proposal.assignment, number < 20 ? .complete(.of(Double(number % 7))) : .running))
        }
        // Two of the startup may be the same.
        #expect(Set(past.map(\.assignment)).count >= 59)
    }

    @Test func `a choice that a branch opens is learnt from those that took it`() throws {
        let space = try Space([
            Parameter("kind", .categorical(choices: [.string("a"), .string("b")])),
            Parameter("x", .float(low: 0, high: 1), when: ["kind": [.string("a")]]),
            Parameter("y", .float(low: 0, high: 1), when: ["kind": [.string("b")]]),
        ])
        // Branch b is better, and best where y is 0.9; within a, x would best be 0.1.
        let past = (0..<80).map { index in
            let place = Double(index % 40) / 39
            return index < 40
                ? Observation(
                    ["kind": .string("a"), "x": .float(place)], .complete(.of(3 + abs(place - 0.1))))
                : Observation(["kind": .string("b"), "y": .float(place)], .complete(.of(abs(place - 0.9))))
        }
        let proposals = try (0..<40).map { seed in
            var g = SeededGenerator(seed: UInt64(seed))
            return try #require(TPESampler().propose(in: space, history: past, using: &g)?.assignment)
        }
        let near = proposals.count { ($0["y"]?.number ?? 0) > 0.7 }
        #expect(near >= 30, "\(near) of 40")
    }

    @Test func `many columns do not drown the model`() throws {
        let space = try Space((0..<60).map { Parameter("x\($0)", .float(low: 0, high: 1)) })
        var g = SeededGenerator(seed: 16)
        var past: [Observation] = []
        for index in 0..<60 {
            // Twelve crowd around 0.7, and are good.
            let isGood = index % 5 == 0
            let values = (0..<60).map {
                ("x\($0)", ParameterValue.float(isGood ? 0.7 + 0.01 * g.unit() : g.unit()))
            }
            past.append(Observation(Dictionary(uniqueKeysWithValues: values), .complete(.of(isGood ? 0 : 1))))
        }
        let proposal = try #require(TPESampler().propose(in: space, history: past, using: &g)?.assignment)
        let near = proposal.values.count { abs(($0.number ?? 0) - 0.7) < 0.3 }
        #expect(near >= 50, "\(near) of 60")
    }

    /// How many of 40 proposals lie in the right half.
    static func right(_ past: [Observation], rungs: [Int] = []) throws -> Int {
        let space = try Space([Parameter("x", .float(low: 0, high: 1))])
        let history = History(space, rungs: rungs, trials: past)
        return (0..<40).count { seed in
            var (sampler, g) = (TPESampler(), SeededGenerator(seed: UInt64(seed)))
            return (sampler.propose(from: history, using: &g)?.assignment["x"]?.number ?? 0) > 0.5
        }
    }

    /// 100 trials: complete ones at the far left, which began badly; at the right those that were best at the
    /// first rung, and were stopped there, or wait there; between them others that were worse.
    static func risen(_ complete: Int) -> [Observation] {
        (0..<100).map { index in
            let x = Double(index) / 99
            if index < complete {
                let losses = [Loss.of(5), .of(4), .of(3)]
                return Observation(["x": .float(x)], .complete(.of(3)), rungLosses: losses)
            }
            let loss = Loss.of(x > 0.8 ? 1 : 4)
            let result = Observation.Result.pruned(step: 1, loss)
            return Observation(["x": .float(x)], index % 2 == 0 ? result : .running, rungLosses: [loss])
        }
    }

    @Test func `a few that were promoted early do not rank before those that were better at the rung below`()
        throws
    {
        #expect(try Self.right(Self.risen(5), rungs: [1, 3, 9]) >= 35)
    }

    @Test func `what was good at a low rung no longer counts once enough trials went further`() {
        let ranking = Ranking(Self.risen(15), rungs: 3, good: TPEModel.goodCount)
        #expect(ranking.best == Array(0..<15))
    }

    @Test func `where there are rungs one proposal in three is random, but not in older studies`() throws {
        let space = try Space([Parameter("x", .float(low: 0, high: 1))])
        func random(_ sampler: TPESampler, _ past: [Observation]) -> Int {
            let history = History(space, rungs: [1, 3, 9], trials: past)
            return (0..<300).count { seed in
                var (sampler, g) = (sampler, SeededGenerator(seed: UInt64(seed)))
                return sampler.propose(from: history, using: &g)?.reason == .random
            }
        }
        #expect((75...125).contains(random(TPESampler(), Self.risen(15))))
        #expect((75...125).contains(random(TPESampler(), Self.risen(60))))
        let old = try JSONDecoder().decode(
            TPESampler.self, from: Data(#"{"startup":10,"candidates":64}"#.utf8))
        #expect(random(old, Self.risen(15)) == 0)
    }

    @Test(arguments: [
        (#"{"startup":5,"candidates":64}"#, "first"),
        (#"{"startup":5,"candidates":64,"randomShare":0.3333333333333333}"#, "randomShare"),
        (#"{"startup":5,"candidates":64,"randomShare":0.3333333333333333,"forecasts":true}"#, "forecasts"),
    ])
    func `a study of an older version goes on by its rules`(json: String, rules: String) throws {
        let old = try JSONDecoder().decode(TPESampler.self, from: Data(json.utf8))
        #expect("\(old.rules)" == rules)
        #expect(old.startup == 5)
        let read = try JSONDecoder().decode(TPESampler.self, from: JSONEncoder().encode(old))
        #expect(read == old)
        #expect(old != TPESampler(startup: 5))
    }

    /// So many random trials of a bowl.
    private static func bowl(_ space: Space, trials: Int) throws -> History {
        var (history, g) = (History(space), SeededGenerator(seed: 71))
        for _ in 0..<trials {
            let point = try #require(history.space.draw(using: &g))
            history.add(point, .complete(.of(point.values.reduce(0) { $0 + abs(($1.number ?? 0.5) - 0.5) })))
        }
        return history
    }

    private static func proposals(_ sampler: TPESampler, from history: History) throws -> [Assignment] {
        try (0..<40).map { seed in
            var (sampler, g) = (sampler, SeededGenerator(seed: UInt64(seed)))
            return try #require(sampler.propose(from: history, using: &g)).assignment
        }
    }

    /// How far proposals lie from the nearest trial, all together.
    private static func distance(_ sampler: TPESampler, from history: History) throws -> Double {
        let coordinates = history.trials.indices.map(history.coordinates(of:))
        return try proposals(sampler, from: history).reduce(0) { sum, proposal in
            let place = history.places(of: proposal)
            let squares = coordinates.map {
                zip($0, place).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            }
            return sum + (squares.min() ?? 0).squareRoot()
        }
    }

    private static func older(_ rules: TPESampler.Rules, candidates: Int = 64) throws -> TPESampler {
        let json = #"{"startup":10,"candidates":\#(candidates),"rules":\#(rules.rawValue)}"#
        return try JSONDecoder().decode(TPESampler.self, from: Data(json.utf8))
    }

    @Test func `with five parameters proposals lie nearer to trials than those of older versions`() throws {
        // After sixty, with five parameters, the model is sharp.
        let history = try Self.bowl(NSGA2Tests.floats(5), trials: 60)
        #expect(
            try Self.distance(TPESampler(), from: history)
                < 0.8 * Self.distance(Self.older(.forecasts), from: history))
    }

    @Test func `beside choices what is drawn lies nearer to what is good than in older versions`() throws {
        let numbers = try NSGA2Tests.floats(4).parameters
        let choice = Parameter("kind", .categorical(choices: [.string("a"), .string("b")]))
        let history = try Self.bowl(Space(numbers + [choice]), trials: 29)
        func distance(_ sampler: TPESampler) throws -> Double {
            try Self.proposals(sampler, from: history).reduce(0) { sum, proposal in
                sum + proposal.values.reduce(0) { $0 + abs(($1.number ?? 0.5) - 0.5) }
            }
        }
        #expect(
            try distance(TPESampler(candidates: 1))
                < 0.97 * distance(Self.older(.narrow, candidates: 1)))
    }

    @Test func `over numbers alone it proposes as before there were rules for choices`() throws {
        let history = try Self.bowl(NSGA2Tests.floats(4), trials: 20)
        #expect(
            try Self.proposals(TPESampler(), from: history)
                == Self.proposals(Self.older(.narrow), from: history))
    }

    @Test func `complete trials that passed no rung rank by their ends, be they few`() throws {
        let past = (0..<14).map { index in
            let x = Double(index) / 13
            return Observation(["x": .float(x)], index % 2 == 0 ? .complete(.of(1 - x)) : .running)
        }
        #expect(try Self.right(past, rungs: [1, 3]) >= 25)
    }

    @Test func `higher rungs decide among those that reached them`() throws {
        // All looked the same at the first rung but for a hair; those at the right turned out better.
        let past = (0..<60).map { index in
            let x = Double(index) / 59
            let first = Loss.of(1 + x / 1000)
            return Observation(["x": .float(x)], .complete(.of(2 - x)), rungLosses: [first, .of(1.5 - x)])
        }
        #expect(try Self.right(past, rungs: [1, 3]) >= 32)
    }

    /// Losses fall by 0.1 to the next rung, and by `speed` times as much as that to the end, where x is 1.
    static func course(_ x: Double, from loss: Double, speed: Double, rungs: Int) -> [Loss] {
        let fall = 0.1 + speed * x
        return [loss, loss - fall, loss - 2 * fall].prefix(rungs).map(Loss.of)
    }

    private static func ends(_ history: History) throws -> [RungForecasts.Forecast] {
        var nothing: RungForecasts.Learned?
        return try #require(RungForecasts(history, &nothing)).ends
    }

    @Test func `what is remembered from ask to ask changes no forecast`() throws {
        let space = try Space([Parameter("x", .float(low: 0, high: 1))])
        var (history, g) = (History(space, rungs: [1, 3]), SeededGenerator(seed: 46))
        var learned: RungForecasts.Learned?
        for number in 0..<60 {
            let index = history.add(["x": .float(g.unit())])
            history.report(.of(g.unit()), step: 1, of: index)
            // Some wait for long, as those that are paused do, and end in another order than they began.
            for waiting in history.trials.indices where history.trials[waiting].result == .running {
                guard g.unit() < 0.2 else { continue }
                let loss = Loss.of(g.unit())
                if g.unit() < 0.5 { history.report(loss, step: 3, of: waiting) }
                if g.unit() < 0.5 { history.set(g.unit() < 0.2 ? .failed : .complete(loss), of: waiting) }
            }
            guard number % 3 == 0 else { continue }
            let ends = try #require(RungForecasts(history, &learned)).ends
            #expect(ends == (try Self.ends(history)))
        }
    }

    @Test func `what began badly and was stopped is forecast to end well where others fell`() throws {
        let space = try Space([Parameter("x", .float(low: 0, high: 1))])
        let past = (0..<60).map { index in
            let (x, isDone) = (Double(index) / 59, index % 3 == 0)
            // The further to the right, the worse it begins and the more it falls.
            let course = Self.course(x, from: 1 + x, speed: 2, rungs: isDone ? 3 : 1)
            return Observation(
                ["x": .float(x)], isDone ? .complete(course[2]) : .pruned(step: 1, course[0]),
                rungLosses: Array(course.prefix(2)))
        }
        let ends = try Self.ends(History(space, rungs: [1, 3], trials: past))
        #expect(ends.map(\.trial) == Array(0..<60))
        for (index, end) in ends.enumerated() {
            let x = Double(index) / 59
            // Ridge regression shrinks it.
            #expect(abs(end.loss - (0.8 - 3 * x)) < 0.7, "trial \(index): \(end.loss)")
            #expect(end.levels == (index % 3 == 0 ? 3 : 1))
            #expect((end.variance == 0) == (index % 3 == 0))
        }
        #expect(try Self.right(past, rungs: [1, 3]) >= 28)
    }

    @Test func `a forecast is the less sure the less its rung says of the end`() throws {
        let space = try Space([Parameter("x", .float(low: 0, high: 1))])
        var g = SeededGenerator(seed: 45)
        let past = (0..<90).map { index in
            // To the second rung anything may happen, from there on little.
            let (first, fall) = (g.unit(), g.unit())
            let course = [first, first - fall, first - fall - 0.1].map(Loss.of)
            let known = 1 + index % 3
            return Observation(
                ["x": .float(g.unit())], known == 3 ? .complete(course[2]) : .running,
                rungLosses: Array(course.prefix(min(known, 2))))
        }
        let ends = try Self.ends(History(space, rungs: [1, 3], trials: past))
        let (first, second) = (ends[0].variance, ends[1].variance)
        #expect(second > 0 && second < first / 4, "\(first), then \(second)")
    }

    @Test func `a trial pruned without rungs ranks by the loss that it had`() throws {
        let past = (0..<60).map { index in
            let x = Double(index) / 59
            return Observation(
                ["x": .float(x)], x > 0.8 ? .pruned(step: 5, .of(0.1)) : .complete(.of(1 + abs(x - 0.5))))
        }
        #expect(try Self.right(past) >= 35)
    }

    @Test func `with two objectives proposals gather at the front, all along it`() throws {
        let space = try Space([
            Parameter("x", .float(low: 0, high: 1)), Parameter("y", .float(low: 0, high: 1)),
        ])
        var (history, g, sampler) = (History(space), SeededGenerator(seed: 17), TPESampler())
        var late: [(x: Double, y: Double)] = []
        for number in 0..<120 {
            let assignment = try #require(sampler.propose(from: history, using: &g)?.assignment)
            let (x, y) = (assignment["x"]?.number ?? 0, assignment["y"]?.number ?? 0)
            // The front is where y is 0.
            history.add(assignment, .complete([.of(x + y), .of(1 - x + y)]))
            if number >= 60 { late.append((x, y)) }
        }
        let low = late.count { $0.y < 0.25 }
        #expect(low >= 36, "\(low) of 60")
        #expect(late.contains { $0.x < 0.3 } && late.contains { $0.x > 0.7 })
    }

    @Test func `a stage begins where the stages before it found good trials`() throws {
        let space = try Space([
            Parameter("x", .float(low: 0, high: 1)),
            Parameter("kind", .categorical(choices: [.string("a"), .string("b")])),
        ])
        // Over a wider space, with a choice that is gone now, and on another level of losses.
        let before = (0..<60).map { index in
            let x = Double(index) / 59 * 3 - 1
            let kind = ParameterValue.string(["a", "b", "gone"][index % 3])
            return Observation(["x": .float(x), "kind": kind], .complete(.of(1000 + abs(x - 0.7))))
        }
        let history = History(space, earlier: [EarlierStage(before)])
        let proposals = try (0..<40).map { seed in
            var (sampler, g) = (TPESampler(), SeededGenerator(seed: UInt64(seed)))
            return try #require(sampler.propose(from: history, using: &g))
        }
        #expect(proposals.allSatisfy { space.problem(with: $0.assignment) == nil })
        let near = proposals.count { abs(($0.assignment["x"]?.number ?? 0) - 0.7) < 0.25 }
        #expect(near >= 30, "\(near) of 40")
    }

    @Test func `failed trials are avoided`() throws {
        let space = try Space([Parameter("x", .float(low: 0, high: 1))])
        let past = (0..<60).map { index in
            let x = Double(index) / 59
            return Observation(["x": .float(x)], x > 0.5 ? .failed : .complete(.of(1 - x)))
        }
        let failing = (0..<40).count { seed in
            var g = SeededGenerator(seed: UInt64(seed))
            return (TPESampler().propose(in: space, history: past, using: &g)?.assignment["x"]?.number ?? 1)
                > 0.55
        }
        #expect(failing <= 8)
    }

    @Test func `the reason counts the startup, then says what the model saw`() throws {
        let space = try Space([Parameter("x", .float(low: 0, high: 1))])
        var g = SeededGenerator(seed: 14)
        var past: [Observation] = []
        var reasons: [ProposalReason] = []
        for _ in 0..<5 {
            let proposal = try #require(TPESampler(startup: 3).propose(in: space, history: past, using: &g))
            reasons.append(proposal.reason)
            past.append(Observation(proposal.assignment, .complete(.of(1))))
        }
        #expect(
            reasons == [
                .startup(number: 1, of: 3), .startup(number: 2, of: 3), .startup(number: 3, of: 3),
                .model(observations: 3, good: 1), .model(observations: 4, good: 1),
            ])
        #expect(reasons[3].description == "model on 3 observations, 1 of them good")
    }

    @Test func `with nothing ended yet the model is not asked`() throws {
        let space = try Space([Parameter("x", .float(low: 0, high: 1))])
        var g = SeededGenerator(seed: 15)
        let past = (0..<20).map { Observation(["x": .float(Double($0) / 20)], .running) }
        #expect(TPESampler().propose(in: space, history: past, using: &g)?.reason == .random)
    }
}
