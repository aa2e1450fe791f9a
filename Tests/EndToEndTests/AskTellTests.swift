import Foundation
import Testing

@Suite(.timeLimit(.minutes(5))) struct AskTellTests {
    @Test func `the program answers lines from its input, the last one without an end, and exits with 0`()
        throws
    {
        let bench = try AskTellBench()
        let (exit, output, errors) = try bench.run(
            "{\"enqueue\":{\"params\":{\"lr\":0.5,\"layers\":2,\"opt\":\"adam\"}}}\n\n{\"ask\":1,\"id\":7}\n{\"tell\":0,\"value\":1}"
        )
        #expect(
            output == """
                {"ok":true}
                {"trials":[{"trial":0,"params":{"lr":0.5,"layers":2,"opt":"adam"}}],"id":7}
                {"ok":true}

                """)
        #expect(exit == 0 && errors == "")
    }

    @Test func `a client may write far more than pipes hold before it reads`() throws {
        let bench = try AskTellBench()
        let client = try bench.client("--sampler", "random")
        let add = #"{"add":{"params":{"lr":0.5,"layers":2,"opt":"adam"},"value":1}}"# + "\n"
        for _ in 0..<100 { client.write(String(repeating: add, count: 200)) }
        client.closeInput()
        var count = 0
        while let line = client.line() {
            #expect(line == "{\"trial\":\(count)}")
            count += 1
        }
        #expect(count == 20_000)
        #expect(client.exit() == 0)
    }

    @Test func `when nobody reads the replies the program ends quietly with 1`() throws {
        let bench = try AskTellBench()
        let client = try bench.client()
        _ = client.say(#"{"hello":1}"#)
        client.closeOutput()
        client.write("{\"ask\":1}\n")
        #expect(client.exit() == 1)
        #expect(client.errors() == "")
    }

    @Test(arguments: [
        (["--sampler", "best"], "expected one of tpe"), (["--sampler-option", "startup=0"], "from 1 to"),
        (["--pruner-option", "eta=3"], "no options"), (["--seed", "-1"], "--seed"), (["--frob"], "--frob"),
        (["--study", "a"], "--storage"), (["--storage", "/nowhere/at/all"], "/nowhere/at/all"),
    ])
    func `wrong options are one message and exit 2`(arguments: [String], message: String) throws {
        let bench = try AskTellBench()
        let client = try AskTellClient(
            bench.program, ["ask-tell", "--space", bench.folder + "/space.json"] + arguments,
            in: bench.folder)
        client.closeInput()
        #expect(client.rest() == "")
        #expect(client.exit() == 2)
        #expect(client.errors().contains(message))
    }

    @Test func `a wrong space file is exit 2 with the place`() throws {
        let bench = try AskTellBench()
        try bench.write(AskTellBench.space.replacing(#""high":8"#, with: #""high":0"#))
        let (exit, output, errors) = try bench.run("{\"ask\":1}\n")
        #expect(exit == 2 && output == "" && errors.contains("space.json: params[1].low: found 1"))
    }
}

@Suite(.timeLimit(.minutes(5))) struct AskTellStorageTests {
    /// Lines of one client that tells what it was given.
    private static let script: [String] = (0..<12).flatMap { trial in
        [
            #"{"ask":1}"#, #"{"report":\#(trial),"step":1,"value":\#(Double(trial % 5) / 3)}"#,
            #"{"report":\#(trial),"step":3,"value":0.\#(trial % 7)}"#,
            #"{"tell":\#(trial),"value":0.\#(trial)}"#,
            #"{"enqueue":{"params":{"mom":0.\#(trial)}}}"#, #"{"best":1}"#, #"{"hello":1}"#,
        ]
    }

    @Test(arguments: ["none", "asha", "asha-promotion", "median", "pbt"])
    func `a study that is killed and started again answers as one that never was`(pruner: String) throws {
        let (bench, arguments) = (try AskTellBench(), ["--pruner", pruner, "--seed", "5"])
        let expected = try bench.run(
            Self.script.joined(separator: "\n"), arguments[0], arguments[1], arguments[2], arguments[3])
        var replies: [String] = []
        var client = try bench.client("--pruner", pruner, "--seed", "5", "--storage", bench.storage)
        for (index, line) in Self.script.enumerated() {
            if index % 9 == 8 {
                client.kill()
                _ = client.exit()
                client = try bench.client("--storage", bench.storage)
            }
            replies.append(try #require(client.say(line)))
        }
        #expect(replies == expected.output.split(separator: "\n").map(String.init))
    }

    /// kill -9 at any moment: what was answered stays, and whatever else is there is whole.
    @Test(arguments: 1...6) func `what was answered survives kill -9`(round: Int) throws {
        let bench = try AskTellBench()
        var (given, told) = (Set<Int>(), Set<Int>())
        for kills in 0..<3 {
            let client = try bench.client("--sampler", "random", "--storage", bench.storage)
            let hello = try #require(client.reply(#"{"hello":1}"#))
            let running = Set(hello["running"] as? [Int] ?? [])
            let unsure = given.subtracting(told).subtracting(running)
            #expect(unsure.count <= kills, "of each killed process at most the last tell")
            #expect(told.isDisjoint(with: running))
            given.formUnion(running)
            let end = DispatchTime.now() + .milliseconds(Int.random(in: 20...200))
            client.kill(at: end)
            while let reply = client.reply(#"{"ask":1}"#) {
                let trial = try #require((reply["trials"] as? [[String: Any]])?.first?["trial"] as? Int)
                #expect(given.insert(trial).inserted)
                guard client.reply(#"{"tell":\#(trial),"value":\#(trial)}"#)?["ok"] != nil else { break }
                told.insert(trial)
            }
            #expect(client.exit() == -SIGKILL)
        }
        let finished =
            try bench.client("--storage", bench.storage).reply(#"{"hello":1}"#)?["finished"] as? Int
        #expect((told.count...told.count + 3).contains(finished ?? -1))
    }

    @Test func `two studies share a file, and one study has one process`() throws {
        let bench = try AskTellBench()
        let first = try bench.client("--storage", bench.storage, "--sampler", "random", "--seed", "1")
        _ = first.say(#"{"ask":3}"#)
        let second = try bench.run("{\"ask\":1}\n", "--storage", bench.storage, "--study", "other")
        #expect(second.exit == 0 && second.output.hasPrefix(#"{"trials":[{"trial":0,"#))
        let third = try bench.run("{\"ask\":1}\n", "--storage", bench.storage)
        #expect(third.exit == 1 && third.output == "")
        #expect(third.errors.contains("study default in \(bench.storage) is open in another process"))
        first.closeInput()
        #expect(first.exit() == 0)
        let fourth = try bench.run("{\"hello\":1}\n", "--storage", bench.storage)
        #expect(fourth.output.contains(#""sampler":"random","pruner":"none","seed":1,"#))
        #expect(fourth.output.contains(#""running":[0,1,2]"#))
    }

    @Test(arguments: [
        (["--seed", "2"], "its seed is 1"), (["--sampler", "tpe"], "its sampler is random"),
        (["--pruner", "none"], "its pruner is asha"), (["--pruner-option", "eta=2"], "brackets=1, eta=4"),
    ])
    func `what differs from the study's beginning is named`(arguments: [String], message: String) throws {
        let bench = try AskTellBench()
        _ = try bench.run(
            "", "--storage", bench.storage, "--sampler", "random", "--seed", "1", "--pruner", "asha",
            "--pruner-option", "eta=4")
        let again = try bench.run("{\"hello\":1}\n", "--storage", bench.storage, arguments[0], arguments[1])
        #expect(again.exit == 2 && again.output == "" && again.errors.contains(message))
    }

    @Test func `another space than the study's is exit 2`() throws {
        let bench = try AskTellBench()
        _ = try bench.run("", "--storage", bench.storage)
        try bench.write(AskTellBench.space.replacing(#""high":8"#, with: #""high":9"#))
        let again = try bench.run("{\"hello\":1}\n", "--storage", bench.storage)
        #expect(again.exit == 2 && again.output == "" && again.errors.contains("params[1] (layers) differs"))
    }

    @Test func `another program's file is not touched`() throws {
        let bench = try AskTellBench()
        try "not a database, but long enough to be looked at".write(
            toFile: bench.storage, atomically: true, encoding: .utf8)
        let result = try bench.run("{\"hello\":1}\n", "--storage", bench.storage)
        #expect(result.exit == 2 && result.output == "")
        #expect(try String(contentsOfFile: bench.storage, encoding: .utf8).hasPrefix("not a database"))
    }
}
