import FleetModel
import Search
import Testing

@testable import coordinator

/// Whatever clients say, in any order.
@Suite struct AskTellDialogueTests {
    static let pruners = ["none", "median", "patience", "asha", "asha-promotion", "hyperband", "pbt"]

    /// Lines of a client that is right most of the time, about trials from 0 to `trials`.
    static func line(_ generator: inout SeededGenerator, trials: Int) -> String {
        func below(_ count: Int) -> Int { Int(generator.unit() * Double(count)) }
        let trial = below(trials + 1) - (below(20) == 0 ? 1 : 0)
        let value = generator.unit()
        switch below(20) {
        case 0..<5: return #"{"ask":\#(1 + below(3))}"#
        case 5..<7: return #"{"tell":\#(trial),"value":\#(value)}"#
        case 7: return #"{"tell":\#(trial),"state":"\#(["fail", "pruned", "complete", "x"][below(4)])"}"#
        case 8..<16: return #"{"report":\#(trial),"step":\#(below(90)),"value":\#(value)}"#
        case 16:
            let params = #"{"lr":\#(value),"drop":0.1,"layers":2,"batch":8,"opt":"adam"}"#
            return #"{"add":{"params":\#(params),"value":\#(value),"steps":[[1,\#(value)],[5,0.1]]}}"#
        case 17: return #"{"enqueue":{"params":{"mom":\#(value * 1.2)}}}"#
        case 18: return [#"{"best":1}"#, #"{"hello":1}"#][below(2)]
        default: return ["{", #"{"ask":0}"#, "7", #"{"add":{"params":{}}}"#][below(4)]
        }
    }

    static func lines(_ count: Int, seed: UInt64) -> [String] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { line(&generator, trials: 2 + $0 / 4) }
    }

    @Test(arguments: pruners, [UInt64](1...4))
    func `every line has one reply, numbers are dense and parameters lie in the space`(
        pruner: String, seed: UInt64
    ) throws {
        var dialogue = try Dialogue(sampler: seed % 2 == 0 ? "tpe" : "random", pruner: pruner)
        let space = dialogue.session.study.setup.space
        var next = 0
        for line in Self.lines(300, seed: seed) {
            let text = try dialogue.say(line)
            #expect(!text.isEmpty && !text.contains("\n"))
            let reply = try JSONReader.read(text)
            if let added = reply["trial"]?.whole {
                #expect(added == next)
                next += 1
            }
            for index in 0..<(reply["trials"]?.count ?? 0) {
                let given = reply["trials"]?[index]
                let params = try #require(given?["params"]?.params)
                #expect(space.problem(with: params) == nil)
                guard given?["resume"] == nil else { continue }
                #expect(given?["trial"]?.whole == next)
                next += 1
            }
        }
        #expect(next > 20)
    }

    @Test(arguments: pruners)
    func `the same lines get the same replies`(pruner: String) throws {
        var (one, other) = (try Dialogue(pruner: pruner), try Dialogue(pruner: pruner))
        for line in Self.lines(200, seed: 9) { #expect(try one.say(line) == other.say(line)) }
    }

    /// As from storage.
    @Test(arguments: pruners, ["tpe", "sobol"])
    func `a study made again from its changes goes on as if nothing had happened`(
        pruner: String, sampler: String
    ) throws {
        let setup = try Dialogue.setup(sampler: sampler, pruner: pruner)
        var (study, again) = (AskTellStudy(setup), AskTellStudy(setup))
        var changes: [String] = []
        for (index, line) in Self.lines(400, seed: 3).enumerated() {
            if index % 40 == 0 {
                again = AskTellStudy(setup)
                for change in changes { try again.redo(try Change(change)) }
            }
            #expect(Self.reply(to: line, &study) == Self.reply(to: line, &again))
            changes += study.takeChanges().map { $0.text(setup.space) }
        }
        #expect(changes.count > 100)
    }

    private static func reply(to line: String, _ study: inout AskTellStudy) -> String {
        let request = Array(line.utf8).withUnsafeBufferPointer { RequestLine($0).request }
        var writer = JSONWriter()
        do throws(Refusal) {
            try study.answer(try request.get()).write(to: &writer, id: nil, study.setup.space)
        } catch {
            error.write(to: &writer, id: nil)
        }
        return writer.text
    }
}
