import FleetModel
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

    @Test func `from the second rung on losses are forecast: one at rest passes one that rises`() {
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
        #expect(pruner.resume()?.trial == trial(0), "trial 2 has risen and is forecast to rise")
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
