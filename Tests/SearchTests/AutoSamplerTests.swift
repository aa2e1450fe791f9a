import FleetModel
import Foundation
import Search
import Testing

@Suite struct AutoSamplerTests {
    /// What it chooses for the trial that comes after so many, and says.
    /// - Parameter best: the trial with the lowest loss, the last by default.
    private func choice(
        after trials: Int, parameters: Int, running: Int = 0, best: Int = 1000
    ) throws -> String {
        var history = History(try NSGA2Tests.floats(parameters))
        for number in 0..<trials {
            let isRunning = number >= trials - running
            history.add(
                ["x0": .float(0.5)], isRunning ? .running : .complete([.of(Double(abs(best - number)))]))
        }
        return "\(AutoSampler().choice(for: history))"
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

    @Test func `while trials become no better TPE takes each second proposal`() throws {
        let says = "tpe, in turn with gp while none of the last 15 trials is the best"
        #expect(try choice(after: 30, parameters: 4, best: 14) == says)
        #expect(try choice(after: 31, parameters: 4, best: 14) == "gp, for 4 parameters and 31 trials")
        #expect(try choice(after: 30, parameters: 4, best: 15) == "gp, for 4 parameters and 30 trials")
    }

    @Test func `a trial that breaks the constraints is not the best, nor is a failed one`() throws {
        var history = History(try NSGA2Tests.floats(5))
        for number in 0..<20 {
            let index = history.add(["x0": .float(0.5)])
            if number == 18 { history.set(.complete([.of(-1)]), violation: 1, of: index) }
            if number == 19 { history.set(.failed, of: index) }
            if number < 18 { history.set(.complete([.of(Double(number))]), of: index) }
        }
        let says = "tpe, in turn with gp while none of the last 19 trials is the best"
        #expect("\(AutoSampler().choice(for: history))" == says)
    }

    @Test func `with two objectives TPE takes each third proposal, whatever the trials were like`() throws {
        var history = History(try NSGA2Tests.floats(2))
        for number in 0..<30 {
            history.add(["x0": .float(0.5)], .complete([.of(Double(number)), .of(1)]))
            let says =
                (number + 1) % 3 == 0
                ? "tpe, in turn with gp for 2 objectives" : "gp, for 2 parameters and \(number + 1) trials"
            #expect("\(AutoSampler().choice(for: history))" == says)
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
    ])
    func `what journals hold is read`(json: String, says: String) throws {
        let choice = try JSONDecoder().decode(AutoChoice.self, from: Data(json.utf8))
        #expect("\(choice)" == says)
    }

    @Test func `what would make the process dear is served by TPE`() throws {
        #expect(try choice(after: 400, parameters: 20) == "gp, for 20 parameters and 400 trials")
        #expect(try choice(after: 401, parameters: 20) == "tpe, because there are 401 trials")
        #expect(try choice(after: 0, parameters: 21) == "tpe, because there are 21 parameters")
        let says = "tpe, because 65 trials run at the same time"
        #expect(try choice(after: 70, parameters: 5, running: 65) == says)
    }

    @Test func `where trials are compared at rungs TPE goes on alone, but not in older studies`() throws {
        let history = History(try NSGA2Tests.floats(5), rungs: [1, 3, 9])
        #expect(
            "\(AutoSampler().choice(for: history))" == "tpe, because trials are compared at 3 rungs")
        var written = try #require(
            try JSONSerialization.jsonObject(with: JSONEncoder().encode(AutoSampler())) as? [String: Any])
        written["seesRungs"] = nil
        let old = try JSONDecoder().decode(
            AutoSampler.self, from: JSONSerialization.data(withJSONObject: written))
        #expect("\(old.choice(for: history))" == "gp, for 5 parameters and 0 trials")
    }
}
