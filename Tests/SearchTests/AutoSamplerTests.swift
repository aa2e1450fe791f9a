import FleetModel
import Foundation
import Search
import Testing

@Suite struct AutoSamplerTests {
    /// What it chooses for the trial that comes after so many along a line, and says.
    /// - Parameter best: the trial with the lowest loss, the last by default; the farther from it, the worse.
    private func choice(
        after trials: Int, parameters: Int, running: Int = 0, best: Int = 1000, over space: Space? = nil,
        by sampler: AutoSampler = .init()
    ) throws -> String {
        var (sampler, history) = (sampler, History(try space ?? NSGA2Tests.floats(parameters)))
        for number in 0..<trials {
            let isRunning = number >= trials - running
            history.add(
                ["x0": .float(Double(number) / 1000)],
                isRunning ? .running : .complete([.of(Double(abs(best - number)))]))
        }
        return "\(sampler.choice(for: history))"
    }

    /// As a version wrote it that had no `rules`, but these fields.
    private static func older(_ fields: String) throws -> AutoSampler {
        let json = """
            {"gp":{"startup":10,"candidates":1536},"tpe":{"startup":10,"candidates":64},\(fields)}
            """
        return try JSONDecoder().decode(AutoSampler.self, from: Data(json.utf8))
    }

    @Test func `with few parameters two samplers take turns in short stages, and TPE goes on alone`() throws {
        for trials in 0...10 {
            let says =
                trials % 2 == 0
                ? "tpe, in turn with gp for 3 parameters" : "gp, for 3 parameters and \(trials) trials"
            #expect(try choice(after: trials, parameters: 3) == says)
        }
        #expect(try choice(after: 11, parameters: 3) == "tpe, because there are only 3 parameters")
        #expect(try choice(after: 11, parameters: 4) == "gp, for 4 parameters and 11 trials")
    }

    @Test func `in spaces of numbers TPE goes on alone while trials become no better`() throws {
        let says = "tpe, because none of the last 8 trials is the best"
        #expect(try choice(after: 30, parameters: 4, best: 21) == says)
        #expect(try choice(after: 31, parameters: 4, best: 22) == says)
        #expect(try choice(after: 30, parameters: 4, best: 22) == "gp, for 4 parameters and 30 trials")
    }

    @Test func `in spaces of numbers TPE goes on alone while the process foretells too little`() throws {
        func choice(after trials: Int, by sampler: AutoSampler) throws -> String {
            var (sampler, generator) = (sampler, SeededGenerator(seed: 1))
            var history = History(try NSGA2Tests.floats(4))
            for number in 1...trials {
                let loss = number == trials ? -1 : generator.unit()
                history.add(["x0": .float(generator.unit())], .complete(.of(loss)))
            }
            return "\(sampler.choice(for: history))"
        }
        let says = "tpe, because gp foretells trials with a rank correlation of only "
        #expect(try choice(after: 20, by: AutoSampler()).hasPrefix(says))
        #expect(try choice(after: 19, by: AutoSampler()) == "gp, for 4 parameters and 19 trials")
        let old = try Self.older(#""seesRungs":true"#)
        #expect(try choice(after: 20, by: old) == "gp, for 4 parameters and 20 trials")
    }

    @Test func `where there is a choice TPE takes each second proposal then, and later`() throws {
        try takesTurns(over: try Self.withChoice(4), by: AutoSampler())
    }

    private static func withChoice(_ parameters: Int) throws -> Space {
        let choice = Parameter("c", .categorical(choices: [.string("a"), .string("b")]))
        return try Space(NSGA2Tests.floats(parameters - 1).parameters + [choice])
    }

    @Test func `in older studies TPE takes each second proposal then, wherever they search`() throws {
        try takesTurns(over: try NSGA2Tests.floats(4), by: try Self.older(#""seesRungs":true"#))
    }

    private func takesTurns(over space: Space, by sampler: AutoSampler) throws {
        func choice(after trials: Int, best: Int) throws -> String {
            try self.choice(after: trials, parameters: 4, best: best, over: space, by: sampler)
        }
        let says = "tpe, in turn with gp while none of the last 15 trials is the best"
        #expect(try choice(after: 30, best: 14) == says)
        #expect(try choice(after: 31, best: 14) == "gp, for 4 parameters and 31 trials")
        #expect(try choice(after: 30, best: 15) == "gp, for 4 parameters and 30 trials")
    }

    @Test func `a trial that breaks the constraints is not the best, nor is a failed one`() throws {
        var history = History(try NSGA2Tests.floats(5))
        for number in 0..<20 {
            let index = history.add(["x0": .float(0.5)])
            if number == 18 { history.set(.complete([.of(-1)]), violation: 1, of: index) }
            if number == 19 { history.set(.failed, of: index) }
            if number < 18 { history.set(.complete([.of(Double(number))]), of: index) }
        }
        let says = "tpe, because none of the last 19 trials is the best"
        var sampler = AutoSampler()
        #expect("\(sampler.choice(for: history))" == says)
    }

    @Test func `with two objectives TPE takes each third proposal, whatever the trials were like`() throws {
        var (sampler, history) = (AutoSampler(), History(try NSGA2Tests.floats(2)))
        for number in 0..<30 {
            history.add(["x0": .float(0.5)], .complete([.of(Double(number)), .of(1)]))
            let says =
                (number + 1) % 3 == 0
                ? "tpe, in turn with gp for 2 objectives" : "gp, for 2 parameters and \(number + 1) trials"
            #expect("\(sampler.choice(for: history))" == says)
        }
    }

    @Test(arguments: [
        (#"{"gp":{"parameters":5,"trials":30}}"#, "gp, for 5 parameters and 30 trials"),
        (#"{"tpe":{"_0":{"turn":{"_0":2}}}}"#, "tpe, in turn with gp for 2 parameters"),
        (#"{"tpe":{"_0":{"objectives":{"_0":2}}}}"#, "tpe, because there are 2 objectives"),
        (
            #"{"tpe":{"_0":{"stalled":{"_0":16}}}}"#,
            "tpe, in turn with gp while none of the last 16 trials is the best"
        ),
        (
            #"{"tpe":{"_0":{"stalledInNumbers":{"_0":8}}}}"#,
            "tpe, because none of the last 8 trials is the best"
        ),
        (
            #"{"tpe":{"_0":{"unforeseen":{"correlation":0.25}}}}"#,
            "tpe, because gp foretells trials with a rank correlation of only 0.25"
        ),
    ])
    func `what journals hold is read`(json: String, says: String) throws {
        let choice = try JSONDecoder().decode(AutoChoice.self, from: Data(json.utf8))
        #expect("\(choice)" == says)
    }

    @Test func `what would make the process dear is served by TPE`() throws {
        let space = try Self.withChoice(20)
        #expect(try choice(after: 400, parameters: 20, over: space) == "gp, for 20 parameters and 400 trials")
        #expect(try choice(after: 401, parameters: 20) == "tpe, because there are 401 trials")
        #expect(try choice(after: 0, parameters: 21) == "tpe, because there are 21 parameters")
        let says = "tpe, because 65 trials run at the same time"
        #expect(try choice(after: 70, parameters: 5, running: 65) == says)
    }

    @Test func `where trials are compared at rungs TPE goes on alone, but not in older studies`() throws {
        let history = History(try NSGA2Tests.floats(5), rungs: [1, 3, 9])
        var (new, old) = (AutoSampler(), try Self.older(#""seesRungs":null"#))
        #expect("\(new.choice(for: history))" == "tpe, because trials are compared at 3 rungs")
        #expect("\(old.choice(for: history))" == "gp, for 5 parameters and 0 trials")
    }

    @Test func `in stages the process goes on alone, while it can be afforded`() throws {
        let staged = AutoSampler(trials: 40, isStaged: true)
        #expect(try choice(after: 12, parameters: 3, by: staged) == "gp, for 3 parameters and 40 trials")
        #expect(
            try choice(after: 30, parameters: 4, best: 2, by: staged) == "gp, for 4 parameters and 40 trials")
        let long = AutoSampler(trials: 401, isStaged: true)
        #expect(try choice(after: 0, parameters: 3, by: long) == "tpe, because there are 401 trials")
    }

    @Test func `a study that will be long is TPE's from its first trial on`() throws {
        #expect(
            try choice(after: 0, parameters: 5, by: AutoSampler(trials: 1000))
                == "tpe, because there are 1000 trials")
    }

    @Test func `where everything was tried neither sampler proposes anything, whosever turn it is`() throws {
        let space = try Space([Parameter("a", .int(low: 1, high: 4))])
        var (sampler, history) = (AutoSampler(startup: 2), History(space))
        var g = SeededGenerator(seed: 3)
        while let proposal = sampler.propose(from: history, using: &g) {
            history.set(.complete(.of(g.unit())), of: history.add(proposal.assignment))
        }
        for _ in 0..<4 {
            #expect(sampler.propose(from: history, using: &g) == nil)
            history.set(.complete(.of(1)), of: history.add(["a": .int(1)]))
        }
    }

    @Test func `what is written down chooses alike when it is read`() throws {
        let history = History(
            try NSGA2Tests.floats(5),
            trials: (0..<20).map { .init(["x0": .float(Double($0) / 20)], .complete(.of(Double($0)))) })
        for var sampler in [AutoSampler(trials: 50), try Self.older(#""seesRungs":true"#)] {
            var read = try JSONDecoder().decode(AutoSampler.self, from: JSONEncoder().encode(sampler))
            #expect(read == sampler)
            #expect(read.choice(for: history) == sampler.choice(for: history))
        }
    }
}
