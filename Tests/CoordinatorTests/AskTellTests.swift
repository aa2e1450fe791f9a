import FleetModel
import Search
import Testing

@testable import coordinator

@Suite struct AskTellTests {
    @Test func `the example of ASK_TELL.md replays`() throws {
        var dialogue = try Dialogue(pruner: "asha")
        let given = try dialogue.ask(#"{"ask":1}"#)
        #expect(given["trials"]?[0]?["trial"]?.whole == 0)
        #expect(given["trials"]?[0]?.names == ["trial", "params", "until"])
        #expect(given["trials"]?[0]?["until"]?.whole == 1)
        #expect(try dialogue.say(#"{"report":0,"step":1,"value":0.91}"#) == #"{"decision":"continue"}"#)
        // One that is better at step 3.
        _ = try dialogue.say(#"{"ask":1}"#)
        for step in [1, 3] {
            let reply = try dialogue.say(#"{"report":1,"step":\#(step),"value":0.5}"#)
            #expect(reply == #"{"decision":"continue"}"#)
        }
        #expect(try dialogue.say(#"{"report":0,"step":3,"value":0.90}"#) == #"{"decision":"stop"}"#)
        #expect(
            try dialogue.say(#"{"tell":0,"value":0.90}"#)
                == #"{"error":{"code":"bad_state","message":"trial 0 is pruned"}}"#)
    }

    @Test func `hello says what the study is`() throws {
        var dialogue = try Dialogue(sampler: "random", seed: 11)
        #expect(
            try dialogue.say(#"{"hello":1}"#)
                == #"{"protocol":1,"sampler":"random","pruner":"none","seed":11,"finished":0,"running":[]}"#)
        _ = try dialogue.say(#"{"ask":3}"#)
        _ = try dialogue.say(#"{"tell":1,"value":2}"#)
        let hello = try dialogue.say(#"{"hello":1}"#)
        #expect(hello.hasSuffix(#""finished":1,"running":[0,2]}"#))
    }

    @Test func `an id comes back as it was written, also with an error`() throws {
        var dialogue = try Dialogue()
        #expect(
            try dialogue.say(#"{"best":1,"id":{"b":1.0, "a":[1e999,"\u00e9"]}}"#)
                == #"{"best":[],"id":{"b":1.0, "a":[1e999,"\u00e9"]}}"#)
        #expect(try dialogue.say(#"{"id":null,"tell":4,"value":1}"#).hasSuffix(#","id":null}"#))
        #expect(try dialogue.say(#"{"id":"x","nonsense":4}"#).hasSuffix(#","id":"x"}"#))
    }

    @Test func `parameters stand in the order of the space, and inactive ones are absent`() throws {
        var dialogue = try Dialogue(sampler: "random")
        for _ in 0..<50 {
            let params = try #require(dialogue.ask(#"{"ask":1}"#)["trials"]?[0]?["params"])
            let all = ["lr", "drop", "layers", "batch", "opt", "mom"]
            #expect(params.names == (params["opt"]?.text == "sgd" ? all : all.dropLast()))
            #expect(params["layers"]?.whole != nil)
        }
    }

    @Test func `choices come back as they were given`() throws {
        let space = #"{"params":[{"name":"c","type":"categorical","choices":[1.0,2,"2",true,"é\n"]}]}"#
        var dialogue = try Dialogue(space, sampler: "grid")
        var seen: [String] = []
        for _ in 0..<5 { seen.append(try dialogue.say(#"{"ask":1}"#)) }
        let values = ["1.0", "2", #""2""#, "true", #""é\n""#]
        #expect(
            seen == values.enumerated().map { #"{"trials":[{"trial":\#($0),"params":{"c":\#($1)}}]}"# })
        #expect(try dialogue.say(#"{"ask":1}"#) == #"{"trials":[],"done":true}"#)
    }

    @Test func `best is the best complete trial in the direction of the objective`() throws {
        let space = """
            {"params":[{"name":"x","type":"float","low":0,"high":1}],
             "objectives":[{"name":"accuracy","direction":"maximize"}]}
            """
        var dialogue = try Dialogue(space)
        #expect(try dialogue.say(#"{"best":1}"#) == #"{"best":[]}"#)
        for (x, end) in [(0.25, #""value":0.5"#), (0.5, #""value":0.75"#), (0.75, #""value":0.75"#)] {
            _ = try dialogue.say(#"{"add":{"params":{"x":\#(x)},\#(end)}}"#)
        }
        _ = try dialogue.say(#"{"add":{"params":{"x":1},"state":"pruned","steps":[[1,0.9]]}}"#)
        #expect(
            try dialogue.say(#"{"best":1}"#) == #"{"best":[{"trial":1,"value":0.75,"params":{"x":0.5}}]}"#)
    }

    @Test func `best of several objectives is the front`() throws {
        let space = """
            {"params":[{"name":"x","type":"int","low":0,"high":9}],
             "objectives":[{"name":"loss"},{"name":"speed","direction":"maximize"}]}
            """
        var dialogue = try Dialogue(space, sampler: "random")
        for (x, values) in [(0, "1,1"), (1, "2,2"), (2, "2,1"), (3, "0,0"), (4, "1,1"), (5, "0.5,null")] {
            #expect(
                try dialogue.say(#"{"add":{"params":{"x":\#(x)},"values":[\#(values)]}}"#)
                    == #"{"trial":\#(x)}"#)
        }
        let best = try dialogue.ask(#"{"best":1}"#)
        #expect((0..<5).map { best["best"]?[$0]?["trial"]?.whole } == [0, 1, 3, 4, nil])
        #expect(try dialogue.ask(#"{"report":0,"step":1,"value":1}"#).code == "bad_request")
        let number = try dialogue.trial().number
        #expect(try dialogue.ask(#"{"tell":\#(number),"value":1}"#).code == "bad_value")
        #expect(try dialogue.say(#"{"tell":\#(number),"value":null}"#) == #"{"ok":true}"#)
    }

    @Test(arguments: [
        #""value":null"#, #""value":1e999"#, #""state":"fail""#, #""state":"fail","value":null"#,
        #""values":[null]"#, #""values":null"#,
    ])
    func `a result that is missing or not finite is a failed trial`(result: String) throws {
        var dialogue = try Dialogue()
        let number = try dialogue.trial().number
        #expect(try dialogue.say(#"{"tell":\#(number),\#(result)}"#) == #"{"ok":true}"#)
        #expect(try dialogue.say(#"{"best":1}"#) == #"{"best":[]}"#)
        #expect(
            try dialogue.say(#"{"tell":\#(number),"value":1}"#)
                == #"{"error":{"code":"bad_state","message":"trial \#(number) is failed"}}"#)
    }

    @Test func `a report that is no number ends its trial as failed`() throws {
        var dialogue = try Dialogue()
        _ = try dialogue.say(#"{"ask":1}"#)
        #expect(try dialogue.say(#"{"report":0,"step":1,"value":1e999}"#) == #"{"decision":"stop"}"#)
        #expect(try dialogue.say(#"{"tell":0,"value":1}"#).contains("trial 0 is failed"))
    }

    @Test func `what is enqueued is given next, and what it leaves out is sampled`() throws {
        var dialogue = try Dialogue()
        #expect(
            try dialogue.say(#"{"enqueue":{"params":{"lr":0.5,"drop":0.3,"layers":3}}}"#) == #"{"ok":true}"#)
        #expect(try dialogue.say(#"{"enqueue":{"params":{"mom":0.5}}}"#) == #"{"ok":true}"#)
        let (first, second) = (try dialogue.trial().params, try dialogue.trial().params)
        // Three steps of 0.1 make 0.30000000000000004.
        #expect(first["drop"] == .float(0.3))
        #expect(first["lr"] == .float(0.5) && first["layers"] == .int(3) && first["batch"] != nil)
        #expect(second["opt"] == .string("sgd") && second["mom"] == .float(0.5))
    }

    @Test func `at its last step a trial goes on to be told`() throws {
        var dialogue = try Dialogue(pruner: "asha")
        _ = try dialogue.say(#"{"ask":2}"#)
        #expect(try dialogue.say(#"{"report":0,"step":81,"value":1}"#) == #"{"decision":"continue"}"#)
        #expect(try dialogue.say(#"{"report":1,"step":81,"value":2}"#) == #"{"decision":"continue"}"#)
        #expect(try dialogue.say(#"{"tell":1,"value":2}"#) == #"{"ok":true}"#)
    }
}

@Suite struct AskTellPauseTests {
    static let line = #"{"params":[{"name":"x","type":"int","low":0,"high":3}],"min_step":1,"max_step":9}"#

    @Test func `a trial that paused comes again under its number, and the space's end waits for it`() throws {
        var dialogue = try Dialogue(
            Self.line, sampler: "grid", pruner: "asha-promotion", samplerOptions: ["points=4"])
        #expect(try dialogue.ask(#"{"ask":9}"#)["trials"]?.count == 4)
        #expect(try dialogue.say(#"{"ask":1}"#) == #"{"trials":[],"wait":true}"#)
        for trial in 0..<3 {
            #expect(
                try dialogue.say(#"{"report":\#(trial),"step":2,"value":\#(trial)}"#)
                    == #"{"decision":"pause"}"#)
        }
        #expect(try dialogue.ask(#"{"report":0,"step":3,"value":0}"#).code == "bad_state")
        let again = try dialogue.ask(#"{"ask":1}"#)["trials"]?[0]
        #expect(again?["trial"]?.whole == 0 && again?["resume"]?.whole == 2)
        #expect(try dialogue.say(#"{"tell":0,"value":0}"#) == #"{"ok":true}"#)
        #expect(try dialogue.say(#"{"tell":3,"state":"pruned"}"#) == #"{"ok":true}"#)
        #expect(try dialogue.say(#"{"ask":1}"#) == #"{"trials":[],"done":true}"#)
        let hello = try dialogue.ask(#"{"hello":1}"#)
        #expect(hello["finished"]?.whole == 2 && hello["running"]?.count == 0)
    }

    @Test func `a population takes over from its best`() throws {
        var dialogue = try Dialogue(Self.line, sampler: "random", pruner: "pbt")
        _ = try dialogue.say(#"{"ask":4}"#)
        for trial in 0..<3 {
            let reply = try dialogue.say(#"{"report":\#(trial),"step":1,"value":0.\#(trial + 1)}"#)
            #expect(reply == #"{"decision":"continue"}"#)
        }
        let exploit = try dialogue.ask(#"{"report":3,"step":1,"value":0.9}"#)
        #expect(exploit.names == ["decision", "from", "step", "params"])
        #expect(exploit["decision"]?.text == "exploit" && exploit["from"]?.whole == 0)
        #expect(exploit["params"]?["x"]?.whole != nil)
        #expect(try dialogue.say(#"{"tell":3,"value":0.2}"#) == #"{"ok":true}"#)
        #expect(try dialogue.ask(#"{"best":1}"#)["best"]?[0]?["params"]?.params == exploit["params"]?.params)
    }
}
