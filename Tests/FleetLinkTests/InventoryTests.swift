import FleetModel
import Testing

@Suite struct `changes of an inventory` {
    static func inventory(_ generator: inout SeededGenerator, plugins: [String] = ["native"]) -> Inventory {
        let run = RunKey(
            study: StudyID(rawValue: "gpt-1a2b")!,
            run: RunID(trial: TrialID(stage: 0, number: Int(generator.next() % 3)), attempt: 0))
        let slots = (0..<Int(generator.next() % 6)).map { index in
            let states: [SlotState] = [.free, .held(by: run), .unavailable(reason: "hot")]
            return Inventory.Entry(slot: .cpu(index: index), state: states[Int(generator.next() % 3)])
        }
        return Inventory(
            hostname: "a", gpus: .noDriver, slots: slots,
            plugins: plugins.map { PluginOffer(name: $0, version: "1") })
    }

    @Test func `an earlier inventory and what has changed since make the later one`() {
        var generator = SeededGenerator(seed: 7, stream: 0)
        var told = 0
        for _ in 0..<2_000 {
            let earlier = Self.inventory(&generator)
            let later = Self.inventory(&generator)
            guard let changes = later.changes(since: earlier) else {
                #expect(earlier.slots.count != later.slots.count)
                continue
            }
            told += 1
            #expect(earlier.changing(changes) == later)
            #expect(changes.isEmpty == (earlier == later))
        }
        #expect(told > 200)
    }

    @Test func `where more than the states of slots has changed, all of it is told`() {
        var (generator, again) = (SeededGenerator(seed: 1, stream: 0), SeededGenerator(seed: 1, stream: 0))
        let one = Self.inventory(&generator)
        let other = Self.inventory(&again, plugins: ["native", "command"])
        #expect(one.slots == other.slots)
        #expect(other.changes(since: one) == nil)
    }
}
