import FleetModel
import FoundationEssentials
import Testing
import TrainerKitTesting

struct ContractTests {
    @Test(arguments: TrainerContract.Promise.allCases)
    func `native keeps the contract`(_ promise: TrainerContract.Promise) throws {
        try withTemporaryFolder { folder in
            let text = String(repeating: "all work and no play makes jack a dull boy. ", count: 90)
            try Data(text.utf8).write(to: URL(filePath: folder + "/text"))
            let settings: [String: JSON] = [
                "data": .array([.string("text")]), "width": .int(16), "heads": .int(2), "context": .int(16),
                "checkpoint_every": .int(8), "dropout": .double(0.1),
            ]
            let contract = TrainerContract(
                plugin: try built("native"), settings: .object(settings), assignment: ["lr": .float(0.01)],
                metric: "validation_loss", baseFolder: folder)
            try contract.verify(promise)
        }
    }

    /// Where SwiftPM put this package's executables: beside the test runner.
    private func built(_ name: String) throws -> String {
        let runner = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return runner.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/" + name
    }
}
