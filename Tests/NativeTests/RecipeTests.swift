import FleetModel
import TrainerKit
import Testing
import Wire

@testable import native

struct RecipeTests {
    private func problems(_ settings: [String: JSON]) -> [Problem] {
        var reader = SettingsReader(
            .object(settings.merging(["data": .array([.string("/usr")])]) { own, _ in own }), baseFolder: "/")
        _ = Native(settings: &reader)
        return reader.finish()
    }

    @Test func `settings of the example are right, and a misspelt one is found with its neighbour`() {
        #expect(problems(["layers": .int(3), "lr": .double(0.1), "optimizer": .string("sgd")]).isEmpty)
        let wrong = problems(["layer": .int(64)])
        #expect(wrong.map(\.nearest) == ["layers"])
        #expect(wrong.map(\.path) == [["layer"]])
    }

    @Test func `each fault of the settings is found at once`() {
        let wrong = problems([
            "dropout": .double(1.5), "layers": .int(0), "optimizer": .string("adam"), "width": .int(60),
            "heads": .int(8),
        ])
        #expect(wrong.map(\.path) == [["dropout"], ["layers"], ["optimizer"], ["width"]])
        #expect(wrong.last?.found == "60 with 8 heads")
    }

    @Test func `an assignment wins over the settings`() throws {
        var reader = SettingsReader(.object(["lr": .double(0.1), "layers": .int(3)]), baseFolder: "/")
        let recipe = try Recipe(settings: &reader).applying([
            "lr": .float(0.2), "batch_size": .float(32), "schedule": .string("cosine"),
            "weight_decay": .int(0),
        ])
        #expect(recipe.hyper.learningRate == 0.2)
        #expect(recipe.hyper.batchSize == 32)
        #expect(recipe.hyper.schedule == .cosine)
        #expect(recipe.shape.layers == 3)
    }

    @Test(
        arguments: [
            (
                ["width": .int(64), "heads": .int(3)],
                "width: found 64 with 3 heads, expected a multiple of 8 and of heads"
            ),
            (["batch_size": .float(3.5)], "batch_size: found 3.5, expected a whole number in 1...65536"),
            (["lr": .string("big")], "lr: found big, expected a number in"),
            (["optimizer": .string("adam")], "optimizer: found adam, expected one of adamw, sgd"),
            (["bach_size": .int(3)], "(did you mean batch_size?)"),
        ] as [(Assignment, String)])
    func `an assignment that cannot be is refused in words`(assignment: Assignment, words: String) {
        let fault = #expect(throws: Problem.self) { try Recipe().applying(assignment) }
        #expect(fault?.description.contains(words) == true, "\(fault?.description ?? "no fault")")
    }

    @Test func `a space with a parameter of the wrong kind or name is found before anything runs`() {
        var reader = SettingsReader(.object(["data": .string("/usr")]), baseFolder: "/")
        let native = Native(settings: &reader)
        let right: [PluginCheck.Parameter] = [
            .init(name: "lr", kind: .float), .init(name: "width", kind: .categorical),
            .init(name: "batch_size", kind: .int), .init(name: "optimizer", kind: .categorical),
        ]
        #expect(native.problems(with: right).isEmpty)
        let wrong = native.problems(with: [
            .init(name: "batch_size", kind: .float), .init(name: "learning_rate", kind: .float),
        ])
        #expect(wrong.map(\.path) == [["space", "batch_size", "type"], ["space", "learning_rate"]])
    }
}
