import FleetModel
import Testing
import TrainerKitTesting

@Suite struct ContractTests {
    @Test(arguments: TrainerContract.Promise.allCases)
    func `scripted keeps the contract`(_ promise: TrainerContract.Promise) throws {
        try TrainerContract.scripted().verify(promise)
    }

    @Test(arguments: TrainerContract.Promise.allCases)
    func `command keeps the contract around a program`(_ promise: TrainerContract.Promise) throws {
        try TrainerContract.perlTrainer().verify(promise)
    }

    @Test func `the contract notices a plugin that says nothing`() throws {
        let mute = TrainerContract(plugin: "/bin/true", settings: .object([:]))
        for promise in TrainerContract.Promise.allCases {
            #expect(throws: BrokenPromise.self, "\(promise)") { try mute.verify(promise) }
        }
    }
}
