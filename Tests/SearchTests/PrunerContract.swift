import FleetModel
import Foundation
import Search
import Testing

private func trial(_ number: Int) -> TrialID { TrialID(stage: 0, number: number) }

/// What every pruner promises, over random interleavings of the reports of many trials. A new pruner is
/// added to `everyKind`.
@Suite struct PrunerContract {
    static let everyKind: [PrunerKind] = [
        .off, .percentile(.median(startup: 2)), .percentile(PercentilePruner(percentile: 25, startup: 2)),
        .threshold(ThresholdPruner(upper: 1.5)), .patience(PatiencePruner(patience: 3)),
        .asha(ASHAPruner(minStep: 2, reductionFactor: 3, maxStep: 40)),
        .asha(ASHAPruner(minStep: 1, reductionFactor: 2, maxStep: 40, brackets: 3)),
        .paretoASHA(ParetoASHA(minStep: 2, reductionFactor: 3, maxStep: 40)),
        .hyperband(HyperbandPruner(minStep: 2, reductionFactor: 3, maxStep: 40)),
        .ashaPromotion(ASHAPromotion(minStep: 2, reductionFactor: 3, maxStep: 40)),
        .ashaPromotion(ASHAPromotion(minStep: 1, reductionFactor: 4, maxStep: 40, brackets: 2)),
        .population(PopulationPruner(interval: 3, maxStep: 40)),
    ]

    @Test(arguments: everyKind)
    func `the same reports get the same verdicts, also after a journey through JSON`(kind: PrunerKind) throws
    {
        for seed in 0..<3 {
            var (straight, travelled) = (Client(kind, seed: seed), Client(kind, seed: seed))
            for turn in 0..<2000 {
                straight.turn()
                travelled.turn()
                guard turn % 250 == 249 else { continue }
                let data = try JSONEncoder().encode(travelled.pruner)
                travelled.pruner = try JSONDecoder().decode(PrunerKind.self, from: data)
                #expect(travelled.pruner == straight.pruner)
            }
            #expect(straight.transcript == travelled.transcript)
        }
    }

    @Test(arguments: everyKind)
    func `a copy shares no state`(kind: PrunerKind) throws {
        var client = Client(kind, seed: 9)
        for _ in 0..<800 { client.turn() }
        let copy = client.pruner
        let asItWas = try JSONDecoder().decode(PrunerKind.self, from: JSONEncoder().encode(copy))
        var again = client
        for _ in 0..<800 { client.turn() }
        #expect(copy == asItWas)
        if kind != .off { #expect(client.pruner != copy) }
        again.pruner = copy
        for _ in 0..<800 { again.turn() }
        #expect(again.transcript == client.transcript)
    }

    /// `Client` records what goes against the rules; see there.
    @Test(arguments: everyKind)
    func `only paused trials are resumed, only running ones are copied, and nothing is decided at the end`(
        kind: PrunerKind
    ) {
        for seed in 0..<6 {
            var client = Client(kind, seed: 100 + seed)
            for _ in 0..<2000 { client.turn() }
            #expect(client.complaints.isEmpty, "\(client.complaints.prefix(3))")
        }
    }

    @Test(arguments: everyKind)
    func `a step that was judged before changes nothing and goes on`(kind: PrunerKind) {
        var client = Client(kind, seed: 10)
        for _ in 0..<2000 {
            client.turn()
            guard let (number, step) = client.running.first else { continue }
            let before = client.pruner
            guard step > 0 else { continue }
            #expect(client.pruner.judge(trial(number), step: step, loss: .of(0.5)) == .go)
            #expect(client.pruner == before)
        }
    }

    @Test(arguments: everyKind)
    func `no report before the next decision changes anything`(kind: PrunerKind) {
        var client = Client(kind, seed: 11)
        for _ in 0..<1000 {
            client.turn()
            for (number, step) in client.running {
                guard let next = client.pruner.nextDecision(of: trial(number)), next - 1 > step else {
                    continue
                }
                let before = client.pruner.nextDecision(of: trial(number))
                var copy = client.pruner
                #expect(copy.judge(trial(number), step: next - 1, loss: .of(99)) == .go)
                #expect(copy.nextDecision(of: trial(number)) == before)
            }
        }
    }

    @Test func `the best trial is never stopped by its rank`() {
        for kind in Self.everyKind {
            var (pruner, g) = (kind, SeededGenerator(seed: 18))
            if case .patience = kind { continue }
            for number in 0..<50 {
                for step in 1...40 {
                    let isBest = number == 25
                    let loss = Loss.of(isBest ? -Double(step) : g.unit())
                    let verdict = pruner.judge(trial(number), step: step, loss: loss)
                    if isBest { #expect(!verdict.isStop) }
                    guard verdict == .go || verdict.isPass else { break }
                }
            }
        }
    }

    /// Those that look at one trial only, whatever the others do.
    @Test(arguments: [
        PrunerKind.threshold(ThresholdPruner(upper: 0.8)), .patience(PatiencePruner(patience: 2)),
    ])
    func `how the reports of different trials are interleaved does not matter`(kind: PrunerKind) {
        let verdicts = (0..<20).map { seed in Self.verdicts(kind, order: seed) }
        for other in verdicts { #expect(other == verdicts[0]) }
        #expect(Set(verdicts[0].values).count > 2)
    }

    /// By trial and step.
    private static func verdicts(_ kind: PrunerKind, order: Int) -> [[Int]: Verdict] {
        var (pruner, order) = (kind, SeededGenerator(seed: UInt64(order)))
        var (steps, stopped, verdicts) = ([Int](repeating: 0, count: 30), Set<Int>(), [[Int]: Verdict]())
        while steps.contains(where: { $0 < 20 }) {
            let number = order.int(0...29)
            guard steps[number] < 20 else { continue }
            steps[number] += 1
            guard !stopped.contains(number) else { continue }
            var g = SeededGenerator(seed: UInt64(number), stream: UInt64(steps[number]))
            let verdict = pruner.judge(trial(number), step: steps[number], loss: .of(g.unit()))
            verdicts[[number, steps[number]]] = verdict
            if verdict.isStop { stopped.insert(number) }
        }
        return verdicts
    }

    /// The order in which others came to a step does not matter to who comes after them.
    @Test func `a percentile knows who came as far, and not in which order`() {
        for round in 0..<100 {
            var g = SeededGenerator(seed: UInt64(round))
            let every = g.int(1...3)
            let losses = (0..<20).map { _ in (0..<10).map { _ in Loss.of(g.unit()) } }
            let outcomes = (0..<3).map { _ in
                var (pruner, next) = (PercentilePruner.median(startup: 3), [Int](repeating: 0, count: 20))
                while let number = (0..<20).filter({ next[$0] < 10 }).randomElement(using: &g) {
                    let step = (next[number] + 1) * (number % every + 1)
                    _ = pruner.judge(trial(number), step: step, loss: losses[number][next[number]])
                    next[number] += 1
                }
                return (1...10).map { step in
                    var copy = pruner
                    return copy.judge(trial(99), step: step, loss: .of(0.3))
                }
            }
            #expect(outcomes[0] == outcomes[1] && outcomes[1] == outcomes[2])
        }
    }
}

/// Plays a client of some workers: a random trial that runs reports a random step on, and what the pruner
/// says is done. Keeps watch over the rules meanwhile.
struct Client {
    var pruner: PrunerKind
    var transcript: [String] = []
    var complaints: [String] = []
    /// The step of each running trial.
    private(set) var running: [(number: Int, step: Int)] = []
    private var paused: [Int: Int] = [:]
    private var begun = 0
    private var g: SeededGenerator
    private let workers: Int

    init(_ pruner: PrunerKind, seed: Int) {
        self.pruner = pruner
        g = SeededGenerator(seed: UInt64(seed))
        workers = [1, 3, 16][seed % 3]
    }

    mutating func turn() {
        if running.count < workers { begin() }
        let index = g.int(0...running.count - 1)
        let number = running[index].number
        running[index].step = min(40, running[index].step + g.int(1...3))
        let step = running[index].step
        guard !g.chance(0.01) else { return end(index, "failed") }
        let loss = Loss.of(Double(number * 37 % 101) / 50 + 1 / Double(step) + 0.2 * g.unit())
        let verdict = pruner.judge(trial(number), step: step, loss: loss)
        transcript.append("\(number) \(step) \(verdict)")
        act(on: verdict, index, number, step)
        // A paused one may be given up.
        if g.chance(0.01), let number = paused.keys.min() {
            paused[number] = nil
            pruner.ended(trial(number))
        }
    }

    private mutating func begin() {
        guard let resumption = pruner.resume() else {
            let place = Double(begun * 29 % 97) / 96
            pruner.begin(trial(begun), at: [place, 1 - place * place])
            running.append((begun, 0))
            begun += 1
            return
        }
        let (number, standing) = (resumption.trial.number, resumption.standing)
        transcript.append("\(resumption)")
        if paused.removeValue(forKey: number) != resumption.step { complain("\(resumption) was not paused") }
        if standing.position > standing.kept, standing.isProbe != true {
            complain("\(standing) is not among the best")
        }
        if standing.kept > max(1, standing.of / 2) { complain("\(standing) keeps too many") }
        running.append((number, resumption.step))
    }

    private mutating func act(on verdict: Verdict, _ index: Int, _ number: Int, _ step: Int) {
        if step == 40 {
            switch verdict {
            case .go: break
            case .stop(let reason):
                // Only those that know nothing of an end stop there.
                if !pruner.rungs.isEmpty { complain("\(reason) at the end") }
            default: complain("\(verdict) at the end")
            }
            return end(index, "complete")
        }
        switch verdict {
        case .go, .pass: break
        case .stop: end(index, "pruned")
        case .pause:
            paused[number] = step
            running.remove(at: index)
        case .exploit(let exploit):
            if !running.contains(where: { $0.number == exploit.from.number }) || exploit.from.number == number
            {
                complain("trial \(number) takes over from \(exploit.from), which does not run")
            }
        }
    }

    private mutating func end(_ index: Int, _ how: String) {
        transcript.append("\(running[index].number) \(how)")
        pruner.ended(trial(running[index].number))
        running.remove(at: index)
    }

    private mutating func complain(_ text: String) { complaints.append(text) }
}

extension Verdict {
    fileprivate var isStop: Bool {
        if case .stop = self { true } else { false }
    }

    fileprivate var isPass: Bool {
        if case .pass = self { true } else { false }
    }
}
