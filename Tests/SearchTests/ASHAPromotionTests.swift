import FleetModel
import Foundation
import Search
import Testing

private func trial(_ number: Int) -> TrialID { TrialID(stage: 0, number: number) }

@Suite struct ASHAPromotionTests {
    static func standing(_ rung: Int, _ position: Int, of count: Int, kept: Int) -> Standing {
        Standing(rung: rung, position: position, of: count, kept: kept)
    }

    /// Trials 0 to below `count` at rung 1, the loss of each its number, in this order.
    static func begun(_ numbers: [Int], maxStep: Int = 81) -> ASHAPromotion {
        var pruner = ASHAPromotion(minStep: 1, maxStep: maxStep)
        for number in numbers { _ = pruner.judge(trial(number), step: 1, loss: .of(Double(number))) }
        return pruner
    }

    @Test func `every trial pauses at a rung, and of two the better goes on`() {
        var pruner = Self.begun([1])
        #expect(pruner.resume() == nil)
        #expect(
            pruner.judge(trial(0), step: 1, loss: .of(0)) == .pause(Self.standing(1, 1, of: 2, kept: 1)))
        #expect(
            pruner.resume()
                == Resumption(trial: trial(0), step: 1, standing: Self.standing(1, 1, of: 2, kept: 1)))
        #expect(pruner.resume() == nil)
    }

    @Test func `a third of a rung goes on, the best first`() {
        var pruner = Self.begun([4, 2, 8, 0, 6, 1, 7, 3, 5])
        let resumed = (0..<4).map { _ in pruner.resume()?.trial.number }
        #expect(resumed == [0, 1, 2, nil])
    }

    @Test func `the highest rung comes first`() {
        var pruner = Self.begun([0, 1, 2, 3, 4, 5])
        for number in [0, 1] {
            #expect(pruner.resume()?.trial == trial(number))
            _ = pruner.judge(trial(number), step: 3, loss: .of(Double(number)))
        }
        for number in 6..<9 { _ = pruner.judge(trial(number), step: 1, loss: .of(Double(number))) }
        let (first, second) = (pruner.resume(), pruner.resume())
        #expect(first == Resumption(trial: trial(0), step: 3, standing: Self.standing(3, 1, of: 2, kept: 1)))
        #expect(second == Resumption(trial: trial(2), step: 1, standing: Self.standing(1, 3, of: 9, kept: 3)))
    }

    @Test func `while few rungs were passed the lower loss goes on, though it has risen`() {
        var pruner = Self.begun([])
        for (number, loss) in [0.5, 1.5, 0.4].enumerated() {
            _ = pruner.judge(trial(number), step: 1, loss: .of(loss))
        }
        for number in 10..<13 { _ = pruner.judge(trial(number), step: 1, loss: .of(9)) }
        var order: [Int] = []
        while let next = pruner.resume() { order.append(next.trial.number) }
        #expect(order == [2, 0])
        _ = pruner.judge(trial(0), step: 3, loss: .of(0.5))
        _ = pruner.judge(trial(2), step: 3, loss: .of(0.45))
        #expect(pruner.resume()?.trial == trial(2), "forecasts would have it rise further, past trial 0")
    }

    /// Reports of a trial at rungs 1, 3, 9 and so on; it is told to go on at none of them.
    static func run(_ number: Int, _ losses: [Double], in pruner: inout ASHAPromotion) {
        for (rung, loss) in losses.enumerated() {
            _ = pruner.judge(trial(number), step: [1, 3, 9, 27][rung], loss: .of(loss))
            while rung < losses.count - 1, let next = pruner.resume(), next.trial != trial(number) {}
        }
    }

    @Test
    func `what falls so far is learned: where a fall is followed by a rise, one that fell less goes on`() {
        /// Which of two goes on: trial 100, which fell by 0.3, or 101, which fell by 0.04 and is a little
        /// worse. All before them fell to the third rung by `ratio` times as much as to the second.
        func better(where ratio: Double) -> Int? {
            var pruner = ASHAPromotion(minStep: 1, maxStep: 81)
            for number in 0..<40 {
                let fall = 0.1 + 0.01 * Double(number * 7 % 40)
                // Each one better than all before it, so that it goes on at once.
                let start = 10 - 0.9 * Double(number)
                Self.run(number, [start, start - fall, start - fall - ratio * fall], in: &pruner)
            }
            while pruner.resume() != nil {}
            var waiting: Set = [100, 101]
            for (number, loss) in [(100, -40), (101, -40.25)] {
                _ = pruner.judge(trial(number), step: 1, loss: .of(loss))
            }
            while !waiting.isEmpty, let next = pruner.resume() { waiting.remove(next.trial.number) }
            _ = pruner.judge(trial(100), step: 3, loss: .of(-40.3))
            _ = pruner.judge(trial(101), step: 3, loss: .of(-40.29))
            return pruner.resume()?.trial.number
        }
        #expect(better(where: 2) == 100)
        #expect(better(where: -2) == 101)
    }

    @Test func `at the first rung one that lies where others fell passes one that began better`() {
        /// The order in which the last four of 44 trials go on, those at the right having begun worse.
        func order(toldOfPlaces: Bool) -> [Int] {
            var pruner = ASHAPromotion(minStep: 1, maxStep: 9)
            for number in 0..<44 {
                let place = Double(number % 4) / 3
                if toldOfPlaces { pruner.begin(trial(number), at: [place]) }
                // Each four begin better than all before them, so that some go on at once.
                let start = 10 - Double(number / 4) + 0.1 * place
                _ = pruner.judge(trial(number), step: 1, loss: .of(start))
                guard number < 40 else { continue }
                while let next = pruner.resume()?.trial.number {
                    let place = Double(next % 4) / 3
                    let fallen = 10 - Double(next / 4) + 0.1 * place - 3 * place
                    _ = pruner.judge(trial(next), step: 3, loss: .of(fallen))
                }
            }
            var order: [Int] = []
            while let next = pruner.resume() {
                if next.standing.rung == 1, next.standing.isProbe == nil { order.append(next.trial.number) }
            }
            return order.filter { $0 >= 40 }
        }
        #expect(order(toldOfPlaces: true).first == 43)
        #expect(order(toldOfPlaces: false).first == 40)
    }

    @Test func `where forecasts decide they are said, but not in studies of older versions`() throws {
        func forecasts(_ pruner: ASHAPromotion) -> [Standing.Forecast?] {
            var (pruner, said) = (pruner, [Standing.Forecast?]())
            for number in 0..<60 {
                pruner.begin(trial(number), at: [Double(number % 4) / 3])
                // Each begins better than all before it, so that it goes on at once.
                for (step, loss) in [(1, 10), (3, 9)] {
                    let verdict = pruner.judge(
                        trial(number), step: step, loss: .of(Double(loss) - 0.1 * Double(number)))
                    if case .pause(let standing) = verdict { said.append(standing.forecast) }
                    while step == 1, let next = pruner.resume() {
                        said.append(next.standing.forecast)
                        if next.trial == trial(number) { break }
                    }
                }
            }
            return said
        }
        let pruner = ASHAPromotion(minStep: 1, maxStep: 9)
        let said = forecasts(pruner)
        #expect(said.prefix(30).allSatisfy { $0 == nil })
        #expect(said.suffix(30).allSatisfy { $0 != nil && $0!.end < $0!.loss })
        var written = try #require(
            try JSONSerialization.jsonObject(with: JSONEncoder().encode(pruner)) as? [String: Any])
        #expect(written["saysForecasts"] != nil)
        written["saysForecasts"] = nil
        let old = try JSONDecoder().decode(
            ASHAPromotion.self, from: JSONSerialization.data(withJSONObject: written))
        #expect(forecasts(old).allSatisfy { $0 == nil })
    }

    @Test func `every tenth that goes on from the first rung is a probe from anywhere among those that wait`()
    {
        var pruner = Self.begun(Array(0..<300))
        var resumed: [Resumption] = []
        while let next = pruner.resume() { resumed.append(next) }
        let probes = resumed.filter { $0.standing.isProbe == true }
        #expect(resumed.count == 100 + probes.count { $0.standing.position > 100 })
        #expect(probes.count == resumed.count / 10)
        #expect(probes.contains { $0.standing.position > 200 })
        #expect(probes.contains { (101...200).contains($0.standing.position) })
        #expect(resumed.filter { $0.standing.isProbe == nil }.allSatisfy { $0.standing.position <= 100 })
        #expect(probes[0].standing.description.hasSuffix("best 100 go on, and this one as a probe"))
    }

    @Test func `a study of a version that forecast otherwise goes on as it began`() throws {
        // As `ASHAPromotion(minStep: 1, maxStep: 9)` was written then.
        let written = """
            {"minStep":1,"reductionFactor":3,"maxStep":9,"brackets":{"rungs":[1,3],"ends":[1]},
            "ranks":[[{"all":{"blocks":[],"count":0},"waiting":{"blocks":[],"count":0}},
            {"all":{"blocks":[],"count":0},"waiting":{"blocks":[],"count":0}}]],
            "trials":[],"falling":{"sum":0,"count":0}}
            """
        var old = try JSONDecoder().decode(ASHAPromotion.self, from: Data(written.utf8))
        for number in 0..<90 { _ = old.judge(trial(number), step: 1, loss: .of(Double(number))) }
        var resumed: [Resumption] = []
        while let next = old.resume() { resumed.append(next) }
        #expect(resumed.map(\.trial.number) == Array(0..<30))
        // A ratio of 0.6: the second falls by 1.5 · 0.96, the first by nothing.
        _ = old.judge(trial(3), step: 3, loss: .of(3))
        _ = old.judge(trial(5), step: 3, loss: .of(3.5))
        #expect(old.resume()?.trial == trial(5))
    }

    @Test func `a study of a version without places goes on without them`() throws {
        // As `ASHAPromotion(minStep: 1, maxStep: 9)` was written then.
        let step = [
            "prior", "count", "meanFall", "meanLoss", "meanNext", "fallFall", "fallLoss", "lossLoss",
            "fallNext", "lossNext",
        ].map { "\"\($0)\":\($0 == "prior" ? 0.6 : 0)" }.joined(separator: ",")
        let rung = #"{"all":{"blocks":[],"count":0},"waiting":{"blocks":[],"count":0}}"#
        let written = """
            {"minStep":1,"reductionFactor":3,"maxStep":9,"brackets":{"rungs":[1,3],"ends":[1]},
            "ranks":[[\(rung),\(rung)]],"trials":[],"courses":{"steps":[{\(step)},{\(step)}],"learned":0}}
            """
        var old = try JSONDecoder().decode(ASHAPromotion.self, from: Data(written.utf8))
        let before = old
        old.begin(trial(0), at: [0.5])
        #expect(old == before)
        for number in 0..<90 { _ = old.judge(trial(number), step: 1, loss: .of(Double(number))) }
        var probes = 0
        while let next = old.resume() {
            if next.standing.isProbe == true { probes += 1 }
        }
        #expect(probes == 3)
        for (number, loss) in [(3, 3), (5, 3.5)] {
            _ = old.judge(trial(number), step: 3, loss: .of(loss))
        }
        // Of its fall of 1.5 the second falls 0.6 times as much again, the first, which has not fallen, not.
        #expect(old.resume()?.trial == trial(5))
    }

    @Test func `a report that passed several rungs is recorded at each and pauses at the last`() {
        var pruner = Self.begun([7, 8])
        #expect(
            pruner.judge(trial(0), step: 5, loss: .of(3)) == .pause(Self.standing(3, 1, of: 1, kept: 0)))
        #expect(pruner.nextDecision(of: trial(0)) == 9)
        _ = pruner.judge(trial(1), step: 4, loss: .of(2))
        // At rung 1 the first four are 1, 0, 7, 8: 7 is not among the best.
        #expect(pruner.resume()?.step == 4)
        #expect(pruner.resume() == nil)
    }

    @Test func `reports that pass several rungs at once may be what forecasts are made again for`() {
        var pruner = ASHAPromotion(minStep: 1, maxStep: 81)
        for number in 0..<40 {
            pruner.begin(trial(number), at: [Double(number) / 40])
            let verdict = pruner.judge(trial(number), step: 9, loss: .of(Double(number * 7 % 40)))
            guard case .pause(let standing) = verdict else { return #expect(verdict != .go) }
            #expect(standing.rung == 9 && standing.of == number + 1)
        }
    }

    @Test func `one that ended while it was paused never goes on, and its place stays taken`() {
        var pruner = Self.begun([0, 1, 2])
        pruner.ended(trial(0))
        #expect(pruner.resume() == nil)
        for number in 3..<6 { _ = pruner.judge(trial(number), step: 1, loss: .of(Double(number))) }
        #expect(pruner.resume()?.trial == trial(1))
        pruner.ended(trial(1))
        #expect(pruner.resume() == nil)
    }

    @Test func `ties keep the earlier, and from the last step on nothing pauses`() {
        var pruner = ASHAPromotion(minStep: 1, maxStep: 3)
        for number in [5, 3, 4] { _ = pruner.judge(trial(number), step: 1, loss: .of(1)) }
        #expect(pruner.resume()?.trial == trial(5))
        #expect(pruner.judge(trial(5), step: 3, loss: .of(1)) == .go)
        #expect(pruner.nextDecision(of: trial(5)) == 3)
        #expect(ASHAPromotion(minStep: 5, maxStep: 5).rungs.isEmpty)
    }

    @Test func `losses at the edge of numbers leave the order whole`() {
        var pruner = ASHAPromotion(minStep: 1, maxStep: 81)
        let most = Double.greatestFiniteMagnitude
        let losses = [most, -most, 0, most, -most, 1e300, -1e300]
        var (g, steps) = (SeededGenerator(seed: 44), [Int: Int]())
        for _ in 0..<200 {
            let number = pruner.resume()?.trial.number ?? steps.count
            let step = steps[number].map { $0 * 3 } ?? 1
            steps[number] = step
            guard step < 81 else { continue }
            let verdict = pruner.judge(trial(number), step: step, loss: .of(losses[g.int(0...6)]))
            guard case .pause(let standing) = verdict else { return #expect(verdict != .go) }
            #expect((1...standing.of).contains(standing.position))
        }
        #expect(steps.values.contains(81))
    }

    @Test func `trials of a bracket are compared with each other, and begin to be at its first rung`() {
        var pruner = ASHAPromotion(minStep: 1, maxStep: 9, brackets: 2)
        let late = (0..<40).filter { pruner.nextDecision(of: trial($0)) == 3 }
        #expect(late.count > 5)
        #expect(pruner.judge(trial(late[0]), step: 1, loss: .of(1)) == .go)
        let standing = Standing(rung: 3, position: 1, of: 1, kept: 0, bracket: 1)
        #expect(pruner.judge(trial(late[0]), step: 3, loss: .of(9)) == .pause(standing))
    }
}
