import FleetModel
import Foundation
import Spawn
import Testing
import TrainerKitTesting
import Wire

/// A Python that has transformers, where `make test-hf` made one.
enum Transformers {
    static let python = ProcessInfo.processInfo.environment["ITERHPO_HF_PYTHON"]

    static var isHere: Bool { python != nil }

    static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appending(path: "Scripts/train.py").path

    /// Where SwiftPM put this package's executables: beside the test runner.
    static var plugin: String {
        URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "huggingface").path
    }

    /// What the tiny training script is run with; `changes` replace top-level settings.
    static func settings(_ args: [String: JSON] = [:], _ changes: [String: JSON] = [:]) -> JSON {
        let own: [String: JSON] = ["lr_scheduler_type": .string("constant"), "disable_tqdm": .bool(true)]
        let settings: [String: JSON] = [
            "script": .string(script), "python": .string(python ?? "python3"),
            "args": .object(own.merging(args) { $1 }), "log_every": .int(2), "evaluate_every": .int(4),
            "checkpoint_every": .int(4),
        ]
        return .object(settings.merging(changes) { $1 })
    }

    static func contract(
        _ args: [String: JSON] = [:], _ changes: [String: JSON] = [:], lr: Double = 1e-3, batch: Int = 4
    ) -> TrainerContract {
        var contract = TrainerContract(
            plugin: plugin, settings: settings(args, changes),
            assignment: ["lr": .float(lr), "batch_size": .int(batch)], metric: "eval_loss", steps: 8,
            endlessSteps: 1_000_000)
        // Importing torch on a machine that is busy.
        contract.silenceSeconds = 600
        return contract
    }

    /// What Python says to a short program.
    static func say(_ program: String, _ arguments: String...) throws -> String {
        var order = Program([python ?? "python3", "-c", program] + arguments)
        order.errors = 2
        return try order.capture().text
    }

    /// The learning rate in a checkpoint's optimiser.
    static func learningRate(in checkpoint: String) throws -> Double? {
        Double(
            try say(
                """
                import sys, torch
                print(torch.load(sys.argv[1] + "/optimizer.pt")["param_groups"][0]["lr"])
                """, checkpoint
            ).trimmingCharacters(in: .whitespacesAndNewlines))
    }
}

extension TrainerContract {
    /// A run that nobody disturbs, and what is left of another one that was stopped with its state saved after a few
    /// steps, at `step`.
    func wholeAndResumed(steps: Int) throws -> (whole: Rehearsal, resumed: Rehearsal, step: Int) {
        let whole = try rehearsal(steps: steps)
        try whole.complete()
        let stopped = try rehearsal(steps: steps)
        try stopped.start()
        try stopped.wait(for: "the fifth step") { (stopped.reports.last?.step ?? 0) >= 5 }
        try stopped.order(StopOrder(save: true, reason: "test"))
        #expect(try stopped.wait() == 0)
        #expect(stopped.ending == .stopped)
        let step = try #require(stopped.checkpoints.last)
        let from = try #require(stopped.checkpoint(ofStep: step))
        let resumed = try rehearsal(steps: steps, start: .resume(from: from, step: step))
        try resumed.complete()
        return (whole, resumed, step)
    }
}

extension Rehearsal {
    func readings(_ name: String) -> [Int: Double] {
        var found: [Int: Double] = [:]
        for report in reports {
            if case .value(let number)? = report.metrics[name] { found[report.step] = number }
        }
        return found
    }

    func failure() throws -> RunFailure {
        guard case .failed(let failure) = ending else {
            throw BrokenPromise("it did not fail: \(events.suffix(3)) \(text(of: "stderr.log").suffix(2000))")
        }
        return failure
    }

    func complete() throws {
        try run()
        if ending != .completed {
            throw BrokenPromise("not completed: \(events.suffix(3)) \(text(of: "stderr.log").suffix(2000))")
        }
    }
}
