import FleetModel
import Search
import StudyCore
import Testing

@testable import coordinator

@Suite struct AskTellSpaceFileTests {
    @Test func `the space file of ASK_TELL.md is read as it says`() throws {
        let file = try SpaceFile(parsing: Dialogue.space)
        #expect(
            file.space.parameters == [
                Parameter("lr", .float(low: 1e-5, high: 1, scale: .log)),
                Parameter("drop", .float(low: 0, high: 0.5, scale: .step(0.1))),
                Parameter("layers", .int(low: 1, high: 8)),
                Parameter("batch", .int(low: 8, high: 512, scale: .log)),
                Parameter("opt", .categorical(choices: [.string("sgd"), .string("adam")])),
                Parameter("mom", .float(low: 0, high: 0.99), when: ["opt": [.string("sgd")]]),
            ])
        #expect(file.objectives == [Objective(metric: "loss", direction: .minimize)])
        #expect(file.minStep == 1 && file.maxStep == 81)
    }

    @Test func `written in its own form it reads as the same`() throws {
        let file = try SpaceFile(parsing: Dialogue.space)
        var writer = JSONWriter()
        file.write(to: &writer)
        #expect(try SpaceFile(parsing: writer.text) == file)
        #expect(file.difference(from: file) == nil)
        let other = try SpaceFile(parsing: Dialogue.space.replacing(#""high":8"#, with: #""high":9"#))
        #expect(file.difference(from: other) == "params[2] (layers) differs")
    }

    static let wrong: [(params: String, message: String)] = [
        (#"[]"#, "params: found an empty list"), (#"{}"#, "params: found an object"),
        (#"[7]"#, "params[0]: found 7"),
        (#"[{"name":"a"}]"#, "params[0].type: found nothing"),
        (#"[{"name":"a","type":"real","low":0,"high":1}]"#, #"params[0].type: found "real""#),
        (#"[{"type":"float","low":0,"high":1}]"#, "params[0].name: found nothing"),
        (#"[{"name":"a","type":"float","high":1}]"#, "params[0].low: found nothing"),
        (#"[{"name":"a","type":"float","low":"0","high":1}]"#, #"params[0].low: found "0""#),
        (#"[{"name":"a","type":"float","low":2,"high":1}]"#, "params[0].low: found 2"),
        (#"[{"name":"a","type":"float","low":0,"high":1,"log":true}]"#, "params[0].low: found 0"),
        (#"[{"name":"a","type":"float","low":0,"high":1,"log":1}]"#, "params[0].log: found 1"),
        (
            #"[{"name":"a","type":"float","low":1,"high":2,"log":true,"step":1}]"#,
            "params[0].log: found log and"
        ),
        (#"[{"name":"a","type":"float","low":0,"high":1,"step":-1}]"#, "params[0].step: found -1"),
        (#"[{"name":"a","type":"int","low":0,"high":1.5}]"#, "params[0].high: found 1.5"),
        (#"[{"name":"a","type":"int","low":0,"high":4,"step":1.5}]"#, "params[0].step: found 1.5"),
        (
            #"[{"name":"a","type":"float","low":0,"high":1,"choices":[1]}]"#,
            "params[0].choices: found an unknown"
        ),
        (#"[{"name":"a","type":"float","low":0,"higgh":1}]"#, "did you mean high?"),
        (#"[{"name":"a","type":"categorical","choices":[]}]"#, "params[0].choices: found an empty"),
        (#"[{"name":"a","type":"categorical","choices":[1,1.0]}]"#, "params[0].choices[1]: found 1.0 again"),
        (#"[{"name":"a","type":"categorical","choices":[null]}]"#, "params[0].choices[0]: found null"),
        (
            #"[{"name":"a","type":"int","low":0,"high":1},{"name":"a","type":"int","low":0,"high":1}]"#,
            "params[1]: found a second"
        ),
        (
            #"[{"name":"a","type":"int","low":0,"high":1,"when":{"b":[1]}}]"#,
            "params[0].when.b: found `b`"
        ),
        (
            #"[{"name":"c","type":"categorical","choices":[1,2]},"#
                + #"{"name":"a","type":"int","low":0,"high":1,"when":{"c":[3]}}]"#,
            "params[1].when.c: found 3"
        ),
    ]

    @Test(arguments: wrong) func `what is wrong is named with its place`(params: String, message: String) {
        let error = #expect(throws: SpaceFileError.self) {
            try SpaceFile(parsing: #"{"params":\#(params)}"#)
        }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [
        (#""objectives":[]"#, "objectives: found an empty"),
        (#""objectives":[{"name":"a","direction":"up"}]"#, #"objectives[0].direction: found "up""#),
        (#""objectives":[{"name":"a"},{"name":"a"}]"#, "objectives[1].name"),
        (#""min_step":0"#, "min_step: found 0"), (#""max_step":1.5"#, "max_step: found 1.5"),
        (#""min_step":3,"max_step":2"#, "min_step: found 3"), (#""extra":1"#, "extra: found an unknown key"),
        (#""params":[]"#, "params: found the key a second time"), ("oops", "line 1, column 58"),
    ])
    func `what is wrong beside the parameters is named too`(rest: String, message: String) {
        let error = #expect(throws: SpaceFileError.self) {
            try SpaceFile(parsing: #"{"params":[{"name":"a","type":"float","low":0,"high":1}],"# + rest + "}")
        }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [
        ("asha", [], "min_step and max_step"), ("none", ["eta=3"], "it has no options"),
        ("median", ["startup"], "expected NAME=VALUE"), ("median", ["startup=0"], "from 1 to"),
        ("median", ["startup=1.5"], "a whole number"), ("median", ["eta=3"], "it has startup, warmup"),
        ("halving", [], "expected one of none, median"),
    ])
    func `options that do not fit are named with those that do`(
        pruner: String, options: [String], message: String
    ) {
        let space = #"{"params":[{"name":"a","type":"float","low":0,"high":1}]}"#
        let error = #expect(throws: BadOption.self) {
            try Dialogue(space, pruner: pruner, prunerOptions: options)
        }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }
}
