import FoundationEssentials
import Testing
import TrainerKit
import Wire

/// What `micro_batch: auto` tries, and what a node remembers of it.
@Suite struct MicroBatchTests {
    @Test(arguments: [(64, [64, 32, 16, 8, 4, 2, 1]), (104, [52, 26, 13, 4, 2, 1]), (7, [7, 1]), (1, [1])])
    func `sizes divide a replica's share, each at most half of the one before`(share: Int, sizes: [Int]) {
        #expect(MicroBatches(dividing: share, shape: "").sizes == sizes)
    }

    @Test func `what did not fit is remembered for its shape, in the agent's home`() throws {
        let home = "/tmp/home-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: home) }
        let folder = TrialFolder(path: home + "/runs/study/stage_0/trial_1/run_0")
        let memory = MicroBatchMemory(of: folder, plugin: "p", shape: "large")
        #expect(memory.tooLarge == nil)
        memory.note(tooLarge: 16)
        memory.note(tooLarge: 8)
        memory.note(tooLarge: 32)
        #expect(MicroBatchMemory(of: folder, plugin: "p", shape: "large").tooLarge == 8)
        #expect(MicroBatchMemory(of: folder, plugin: "p", shape: "small").tooLarge == nil)
        try Data("no json".utf8).write(to: URL(filePath: home + "/learnt/micro_batches.json"))
        #expect(memory.tooLarge == nil)
    }

    @Test func `a folder that is in no home remembers nothing`() {
        let memory = MicroBatchMemory(of: TrialFolder(path: "/tmp/trial"), plugin: "p", shape: "s")
        memory.note(tooLarge: 8)
        #expect(memory.tooLarge == nil)
    }
}
