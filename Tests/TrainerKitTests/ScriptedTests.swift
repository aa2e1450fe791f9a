import FleetModel
import FoundationEssentials
import Testing
import TrainerKitTesting
import Wire

@Suite struct ScriptedTests {
    private func completed(
        _ contract: TrainerContract, _ start: RunSpec.Start = .fresh
    ) throws -> Rehearsal {
        let run = try contract.rehearsal(start: start)
        try run.run()
        #expect(run.ending == .completed)
        return run
    }

    private func losses(_ run: Rehearsal) -> [Double] {
        run.reports.compactMap { report in
            if case .value(let loss) = report.metrics["loss"] { loss } else { nil }
        }
    }

    @Test func `a resumed trial reports exactly what it would have reported`() throws {
        let contract = try TrainerContract.scripted(["noise": .double(0.1)])
        let whole = try completed(contract)
        let path = try #require(whole.checkpoint(ofStep: 8))
        let rest = try completed(contract, .resume(from: path, step: 8))
        #expect(rest.reports == Array(whole.reports.dropFirst(8)))
    }

    @Test func `a warm trial goes on from the loss of its checkpoint`() throws {
        let contract = try TrainerContract.scripted()
        let first = try completed(contract)
        let path = try #require(first.checkpoint(ofStep: 20))
        let second = try completed(contract, .warm(from: path))
        #expect(try #require(losses(second).first) < #require(losses(first).last))
        #expect(second.reports.first?.step == 1)
    }

    @Test func `the learning rate has an optimum within the usual range`() throws {
        let last = try [1e-5, 1e-2, 1e-1].map { lr in
            var contract = try TrainerContract.scripted()
            contract.assignment = ["lr": .float(lr)]
            return try #require(losses(completed(contract)).last)
        }
        #expect(last[1] < last[0] && last[1] < last[2])
    }

    @Test func `losses come from a list as they stand`() throws {
        let losses = JSON.array([.int(3), .int(2)])
        let contract = try TrainerContract.scripted(["curve": .string("list"), "losses": losses])
        #expect(try self.losses(completed(contract)) == [3] + Array(repeating: 2, count: 19))
    }

    @Test func `parameters are reported as metrics where that is asked`() throws {
        let run = try completed(.scripted(["report_parameters": .array([.string("momentum")])]))
        #expect(run.reports.allSatisfy { $0.metrics["momentum"] == .value(0.9) })
    }

    @Test func `a slow checkpoint that is interrupted leaves no half folder`() throws {
        let settings: [String: JSON] = ["checkpoint_seconds": .int(600), "ignore_stop": .bool(false)]
        let run = try TrainerContract.scripted(settings).rehearsal(grace: 0.1)
        try run.start()
        try run.wait(for: "the checkpoint's begin") { !Self.names(in: run).isEmpty }
        try run.order(StopOrder(save: true, reason: "test"))
        #expect(try run.wait() == 0)
        #expect(run.ending == .stopped)
        #expect(Self.names(in: run).isEmpty)
    }

    private static func names(in run: Rehearsal) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: run.folder.checkpoints)) ?? []
    }

    @Test func `a method that needs checkpoints is refused without them`() throws {
        var contract = try TrainerContract.scripted()
        contract.settings = .object([:])
        let found = try contract.problems(settings: contract.settings, needsCheckpoints: true)
        #expect(found.map(\.path) == [["method", "kind"]])
    }

    @Test func `a verb that is none is answered with the ones there are`() throws {
        let answer = try TrainerContract.scripted().rehearsal().ask(["train"])
        #expect(answer.code == 2)
        #expect(
            answer.error
                == "scripted: found \"train\", expected describe, check, explain FOLDER, run FOLDER or --help\n"
        )
    }

    @Test func `help shows every setting and an example`() throws {
        let answer = try TrainerContract.scripted().rehearsal().ask(["--help"])
        #expect(answer.code == 0)
        for word in ["curve", "crash_at_step", "only_first_attempt", "Example:", "plugin: scripted"] {
            #expect(answer.output.contains(word))
        }
    }

    @Test func `a question that cannot be read is answered with one sentence`() throws {
        let answer = try TrainerContract.scripted().rehearsal().ask(["check"], input: Data("[]".utf8))
        #expect(answer.code == 1)
        #expect(answer.error.hasPrefix("scripted: stdin is no plugin check: "))
        #expect(answer.error.split(separator: "\n").count == 1)
    }
}
