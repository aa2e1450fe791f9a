import FleetModel
import Foundation
import Search
import Testing

private func trial(_ number: Int) -> TrialID { TrialID(stage: 0, number: number) }

/// Stopping ASHA told of places, where forecasts of ends decide.
@Suite struct ForecastRankTests {
    private static let pruner: ASHAPruner = ASHAPruner(minStep: 1, maxStep: 9)

    /// Where trial 100 stands, which begins like the worst, at the first rung, where others that lie where it does fell
    /// most.
    private func last(_ pruner: ASHAPruner, toldOfPlaces: Bool) -> Standing? {
        var pruner = pruner
        for number in 0..<60 {
            let place = Double(number % 3) / 2
            if toldOfPlaces { pruner.begin(trial(number), at: [place]) }
            // Each three begin better than all before them.
            let start = 20 - 0.4 * Double(number / 3) + 0.1 * place
            guard case .pass = pruner.judge(trial(number), step: 1, loss: .of(start)) else { continue }
            _ = pruner.judge(trial(number), step: 3, loss: .of(start - 4 * place))
        }
        if toldOfPlaces { pruner.begin(trial(100), at: [1]) }
        return found(pruner.judge(trial(100), step: 1, loss: .of(15)))
    }

    private func found(_ verdict: Verdict) -> Standing? {
        switch verdict {
        case .pass(let standing), .stop(.outranked(let standing)): standing
        default: nil
        }
    }

    private func goesOn(_ pruner: ASHAPruner, toldOfPlaces: Bool) -> Bool {
        last(pruner, toldOfPlaces: toldOfPlaces).map { $0.position <= $0.kept } ?? false
    }

    /// The pruner as it is written down, changed.
    private func written(_ change: (inout [String: Any]) -> Void) throws -> ASHAPruner {
        var written = try #require(
            try JSONSerialization.jsonObject(with: JSONEncoder().encode(Self.pruner)) as? [String: Any])
        change(&written)
        return try JSONDecoder().decode(
            ASHAPruner.self, from: JSONSerialization.data(withJSONObject: written))
    }

    @Test func `told of places it goes by forecasts of ends, but not in studies of older versions`() throws {
        #expect(goesOn(Self.pruner, toldOfPlaces: true))
        #expect(!goesOn(Self.pruner, toldOfPlaces: false))
        let old = try written { pruner in
            #expect(pruner["courses"] != nil)
            pruner["courses"] = nil
        }
        #expect(!goesOn(old, toldOfPlaces: true))
    }

    @Test func `the reason says loss and forecast, in the user's numbers`() throws {
        let forecast = try #require(last(Self.pruner, toldOfPlaces: true)?.forecast)
        #expect(forecast.loss == .of(15) && forecast.end.value < 13)
        let example = Standing(
            rung: 400, position: 7, of: 12, kept: 4,
            forecast: Standing.Forecast(loss: .of(-0.8125), end: .of(-0.87543)))
        #expect(
            example.text(.maximize)
                == "rung 400: 0.8125, forecast to end at 0.87543: place 7 of 12 by forecast, best 4 go on")
        #expect(PruneReason.outranked(example).text(.maximize) == example.text(.maximize))
        #expect("\(example)".contains("-0.8125, forecast to end at -0.87543"))
    }

    @Test func `where losses decide the reason says no forecast`() {
        #expect(last(Self.pruner, toldOfPlaces: false)?.forecast == nil)
        var pruner = Self.pruner
        pruner.begin(trial(0), at: [0.5])
        #expect(found(pruner.judge(trial(0), step: 1, loss: .of(1))).map { $0.forecast == nil } == true)
    }

    @Test func `studies of versions that said no forecasts are read, and go on without`() throws {
        let old = try written { pruner in
            var courses = pruner["courses"] as? [String: Any]
            #expect(courses?["saysForecasts"] != nil)
            courses?["saysForecasts"] = nil
            pruner["courses"] = courses
        }
        let before = try #require(last(old, toldOfPlaces: true))
        let now = try #require(last(Self.pruner, toldOfPlaces: true))
        #expect(before.position == now.position)
        #expect(before.forecast == nil && now.forecast != nil)
        let standing = try JSONDecoder().decode(
            Standing.self, from: Data(#"{"rung":1,"position":2,"of":3,"kept":1}"#.utf8))
        #expect(standing == Standing(rung: 1, position: 2, of: 3, kept: 1))
    }
}
