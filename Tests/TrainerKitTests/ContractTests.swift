import FleetModel
import Testing
import TrainerKitTesting

@Suite struct ContractTests {
    @Test(arguments: TrainerContract.Promise.allCases)
    func `scripted keeps the contract`(_ promise: TrainerContract.Promise) throws {
        var contract = try TrainerContract.scripted()
        contract.faults = [
            .notANumber: .object(["nan_at_step": .int(5)]),
            .outOfMemory: .object(["out_of_memory_at_step": .int(5)]),
            .silence: .object(["silence_at_step": .int(5)]),
            .noise: .object(["garbage_at_step": .int(5)]),
            .flood: .object(["seconds_per_step": .int(0)]),
        ]
        try contract.verify(promise)
    }

    @Test(arguments: TrainerContract.Promise.allCases, TrainerContract.Saves.allCases)
    func `command keeps the contract around a program`(
        _ promise: TrainerContract.Promise, saves: TrainerContract.Saves
    ) throws {
        try TrainerContract.perlTrainer(saves).verify(promise)
    }

    @Test func `the contract notices a plugin that says nothing`() throws {
        var mute = TrainerContract(plugin: "/bin/true", settings: .object([:]))
        for fault in TrainerContract.Fault.allCases { mute.faults[fault] = .object([:]) }
        for promise in TrainerContract.Promise.allCases {
            #expect(throws: BrokenPromise.self, "\(promise)") { try mute.verify(promise) }
        }
    }
}
