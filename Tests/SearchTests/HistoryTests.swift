import FleetModel
import Foundation
@testable import Search
import Testing

@Suite struct HistoryTests {
    static let space = {
        do {
            return try Space([
                Parameter("lr", .float(low: 1e-4, high: 1, scale: .log)),
                Parameter("layers", .int(low: 1, high: 4)),
                Parameter("opt", .categorical(choices: [.string("sgd"), .string("adam")])),
                Parameter("momentum", .float(low: 0, high: 0.5), when: ["opt": [.string("sgd")]]),
            ])
        } catch { preconditionFailure("\(error)") }
    }()
    static let point: Assignment = [
        "lr": .float(1e-2), "layers": .int(1), "opt": .string("sgd"), "momentum": .float(0.5),
    ]

    @Test func `places are shares of the axis, middles of cells and indices of choices`() {
        var history = History(Self.space)
        history.add(Self.point)
        history.add(["lr": .float(1), "layers": .int(4), "opt": .string("adam")])
        #expect(Array(history.row(0)) == [0.5, 0.125, 0, 1])
        #expect(Array(history.row(1)[4..<7]) == [1, 0.875, 1])
        #expect(history.row(1)[7].isNaN)
    }

    @Test func `places outside a shrunken space lie outside 0 to 1, and a lost choice is nothing`() {
        let places = History(Self.space).places(of: ["lr": .float(1e-6), "opt": .string("lion")])
        #expect(abs(places[0] + 0.5) < 1e-12)
        #expect(places.count { $0.isNaN } == 3)
    }

    @Test func `an assignment comes back from its places`() throws {
        var g = SeededGenerator(seed: 1)
        for _ in 0..<500 {
            let space = try Space.anything(&g)
            let history = History(space)
            let drawn = try #require(space.draw(using: &g))
            let again = history.assignment(at: history.places(of: drawn))
            #expect(again.keys.sorted() == drawn.keys.sorted())
            for (name, value) in drawn {
                guard let number = value.number, let other = again[name]?.number else {
                    #expect(again[name] == value)
                    continue
                }
                #expect(abs(number - other) <= 1e-9 * max(1, abs(number)))
            }
        }
    }

    @Test func `a rung takes the first report at or after it, and trials end in their own order`() {
        var history = History(Self.space, rungs: [1, 3, 9])
        let (first, second) = (history.add(Self.point), history.add(Self.point))
        history.report(.of(0.9), step: 2, of: first)
        history.report(.of(0.8), step: 2, of: first)
        history.report(.of(0.7), step: 20, of: first)
        #expect(history.trials[first].rungLosses == [0.9, 0.7, 0.7].map(Loss.of))
        history.set(.failed, of: second)
        history.set(.complete(.of(0.7)), of: first)
        history.set(.complete(.of(0.7)), of: first)
        #expect(history.ended == [second, first])
    }

    @Test func `a history survives JSON with its rungs, its order of ends and its places`() throws {
        var history = History(
            Self.space, rungs: [1], earlier: [EarlierStage([Observation(Self.point, .failed)])])
        history.add(Self.point)
        history.add(Self.point)
        history.report(.of(0.5), step: 1, of: 1)
        history.set(.pruned(step: 1, .of(0.5)), of: 1)
        let again = try JSONDecoder().decode(History.self, from: JSONEncoder().encode(history))
        #expect(again == history)
        #expect(again.row(1) == history.row(1))
    }

    @Test func `a memo is never written down`() throws {
        struct Keeper: Codable, Equatable {
            var option = 1
            var memo = Memo<Int>()
        }
        var keeper = Keeper()
        keeper.memo.value = 7
        let text = try JSONEncoder().encode(keeper)
        #expect(String(decoding: text, as: UTF8.self) == #"{"option":1}"#)
        let again = try JSONDecoder().decode(Keeper.self, from: text)
        #expect(again == keeper && again.memo.value == nil)
    }
}
