import Testing

@testable import coordinator

@Suite struct AskTellRefusalTests {
    /// Of a study with trial 0 running after a report at step 4, trial 1 complete.
    static let lines: [(line: String, code: String)] = [
        ("{", "bad_json"), (#"{"ask":1"#, "bad_json"), (#"{"ask":1,}"#, "bad_json"), ("ask", "bad_json"),
        (#"{"ask":01}"#, "bad_json"), (#"{"ask":1} {"ask":1}"#, "bad_json"), (#"{'ask':1}"#, "bad_json"),
        (#"{"tell":0,"value":NaN}"#, "bad_json"), (#"{"tell":0,"value":Infinity}"#, "bad_json"),
        (#"{"ask":1,"id":"\ud800"}"#, "bad_json"), ("\u{FEFF}{\"ask\":1}", "bad_json"),
        (String(repeating: "[", count: 100_000), "bad_json"),
        ("[]", "bad_request"), ("7", "bad_request"), ("null", "bad_request"), ("{}", "bad_request"),
        (#"{"id":1}"#, "bad_request"), (#"{"hello":1,"ask":1}"#, "bad_request"),
        (#"{"ask":1,"n":2}"#, "bad_request"), (#"{"ask":1,"ask":1}"#, "bad_request"),
        (#"{"hello":2}"#, "bad_request"), (#"{"best":"1"}"#, "bad_request"),
        (#"{"ask":0}"#, "bad_request"), (#"{"ask":-1}"#, "bad_request"), (#"{"ask":1.5}"#, "bad_request"),
        (#"{"ask":"1"}"#, "bad_request"), (#"{"ask":null}"#, "bad_request"),
        (#"{"ask":true}"#, "bad_request"),
        (#"{"tell":"0","value":1}"#, "bad_request"), (#"{"tell":0,"value":"1"}"#, "bad_request"),
        (#"{"tell":0,"value":true}"#, "bad_request"), (#"{"tell":0,"value":1,"values":[1]}"#, "bad_request"),
        (#"{"tell":0,"state":"done"}"#, "bad_request"),
        (#"{"tell":0,"state":"fail","value":1}"#, "bad_request"),
        (#"{"tell":0,"state":"complete"}"#, "bad_request"),
        (#"{"tell":0,"value":1,"step":2}"#, "bad_request"),
        (#"{"tell":0,"values":1}"#, "bad_request"), (#"{"tell":0,"values":["1"]}"#, "bad_request"),
        (#"{"report":0,"step":5}"#, "bad_request"), (#"{"report":0,"value":1}"#, "bad_request"),
        (#"{"report":0,"step":0,"value":1}"#, "bad_request"),
        (#"{"report":0,"step":5.5,"value":1}"#, "bad_request"),
        (#"{"report":0,"step":"5","value":1}"#, "bad_request"),
        (#"{"report":0,"step":5,"value":"1"}"#, "bad_request"),
        (#"{"add":1}"#, "bad_request"), (#"{"add":{}}"#, "bad_request"),
        (#"{"add":{"params":[],"value":1}}"#, "bad_request"), (#"{"enqueue":{"params":1}}"#, "bad_request"),
        (#"{"enqueue":{"param":{}}}"#, "bad_request"),
        (#"{"enqueue":{"params":{"x":1,"x":1}}}"#, "bad_request"),
        (#"{"add":{"params":{"x":1,"c":"b"},"value":1,"steps":[1,2]}}"#, "bad_request"),
        (#"{"add":{"params":{"x":1,"c":"b"},"value":1,"steps":[[2,1],[2,1]]}}"#, "bad_state"),
        (#"{"tell":9,"value":1}"#, "unknown_trial"), (#"{"tell":-1,"value":1}"#, "unknown_trial"),
        (#"{"report":9,"step":5,"value":1}"#, "unknown_trial"),
        (#"{"tell":1,"value":1}"#, "bad_state"), (#"{"report":1,"step":5,"value":1}"#, "bad_state"),
        (#"{"report":0,"step":4,"value":1}"#, "bad_state"),
        (#"{"report":0,"step":3,"value":1}"#, "bad_state"),
        (#"{"tell":0,"values":[]}"#, "bad_value"), (#"{"tell":0,"values":[1,2]}"#, "bad_value"),
        (#"{"add":{"params":{"x":1},"value":1}}"#, "bad_value"),
        (#"{"add":{"params":{"x":3,"c":"b"},"value":1}}"#, "bad_value"),
        (#"{"add":{"params":{"x":1e999,"c":"b"},"value":1}}"#, "bad_value"),
        (#"{"add":{"params":{"x":"1","c":"b"},"value":1}}"#, "bad_value"),
        (#"{"add":{"params":{"x":null,"c":"b"},"value":1}}"#, "bad_value"),
        (#"{"add":{"params":{"x":1,"c":"z"},"value":1}}"#, "bad_value"),
        (#"{"add":{"params":{"x":1,"c":"b","n":1},"value":1}}"#, "bad_value"),
        (#"{"add":{"params":{"x":1,"c":"b","y":1},"value":1}}"#, "bad_value"),
        (#"{"add":{"params":{"x":1,"c":"a","n":1.5},"value":1}}"#, "bad_value"),
        (#"{"add":{"params":{"x":1,"c":"b"},"values":[1,2]}}"#, "bad_value"),
        (#"{"enqueue":{"params":{"x":-1}}}"#, "bad_value"), (#"{"enqueue":{"params":{"q":1}}}"#, "bad_value"),
        (#"{"enqueue":{"params":{"n":1,"c":"b"}}}"#, "bad_value"),
    ]

    static let space = """
        {"params":[{"name":"x","type":"float","low":0,"high":2},
                   {"name":"c","type":"categorical","choices":["a","b"]},
                   {"name":"n","type":"int","low":1,"high":2,"when":{"c":["a"]}}]}
        """

    private func dialogue() throws -> Dialogue {
        var dialogue = try Dialogue(Self.space, pruner: "median")
        _ = try dialogue.say(#"{"ask":2}"#)
        _ = try dialogue.say(#"{"report":0,"step":4,"value":1}"#)
        _ = try dialogue.say(#"{"tell":1,"value":3}"#)
        return dialogue
    }

    @Test(arguments: lines) func `a wrong line gets its code and changes nothing`(
        line: String, code: String
    ) throws {
        var (dialogue, untouched) = (try dialogue(), try dialogue())
        #expect(try dialogue.ask(line).code == code, "\(line)")
        for next in [
            #"{"hello":1}"#, #"{"best":1}"#, #"{"report":0,"step":5,"value":1}"#, #"{"ask":2}"#,
            #"{"tell":0,"value":1}"#, #"{"best":1}"#, #"{"hello":1}"#,
        ] {
            #expect(try dialogue.say(next) == untouched.say(next))
        }
    }

    @Test func `a refusal repeats no more than the beginning of what was wrong`() throws {
        var dialogue = try dialogue()
        let name = String(repeating: "k", count: 1_000_000)
        let reply = try dialogue.say(#"{"add":{"params":{"\#(name)":1},"value":1}}"#)
        #expect(try JSONReader.read(reply).code == "bad_value")
        #expect(reply.utf8.count < 3_000)
    }

    @Test func `a reply is no longer than a line may be, and says how much it left out`() throws {
        var dialogue = try Dialogue(
            #"{"params":[{"name":"x","type":"float","low":0,"high":1}],"objectives":[{"name":"a"},{"name":"b"}]}"#
        )
        for number in 0..<20_000 {
            _ = try dialogue.say(
                #"{"add":{"params":{"x":0.3333333333333333},"values":[\#(number),\#(-number)]}}"#)
        }
        let text = try dialogue.say(#"{"best":1,"id":"z"}"#)
        #expect((1 << 20) - 200...1 << 20 ~= text.utf8.count)
        let reply = try JSONReader.read(text)
        guard case .array(let shown)? = reply["best"] else { return #expect(Bool(false), "no list") }
        #expect(shown.count + (reply["more"]?.whole ?? 0) == 20_000)
    }

    @Test func `bytes that are no UTF-8 are no JSON`() throws {
        var dialogue = try dialogue()
        let reply = try dialogue.say(
            bytes: Array(#"{"ask":1,"id":""#.utf8) + [0xC3, 0x28] + Array("\"}".utf8))
        #expect(try JSONReader.read(reply).code == "bad_json")
    }

    @Test(arguments: ["", "  ", "\t\r"]) func `a blank line is skipped`(line: String) throws {
        var dialogue = try dialogue()
        #expect(try dialogue.say(line) == "")
    }
}
