import Foundation
import StudyCore
import Testing

/// With transformers, where `make test-hf` made an environment for it.
private let python = ProcessInfo.processInfo.environment["ITERHPO_HF_PYTHON"]

/// A staged study of real transformers on CPU, from the study file to the summary.
@Suite(.timeLimit(.minutes(10)), .enabled(if: python != nil, "make test-hf runs this"))
struct HuggingFaceStudyTests {
    private static func settings(_ loop: String) -> String {
        let scripts = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "HuggingFaceTests/Scripts").path
        return loop == "trainer"
            ? "script: \(scripts)/train.py\n    args: { lr_scheduler_type: constant, disable_tqdm: true }"
            : "script: \(scripts)/loop.py\n    loop: accelerate\n    args: { schedule: constant }"
    }

    private static func yaml(_ loop: String) -> String {
        """
        trainer:
          plugin: huggingface
          settings:
            \(settings(loop))
            python: \(python ?? "python3")
            log_every: 2
        objective: { metric: eval_loss }
        space:
          lr: { type: float, low: 1e-4, high: 3e-2, log: true }
          batch_size: { type: int, low: 2, high: 12, log: true }
        method: { kind: stages, stages: 3, steps: 8, trials: 2, shrink: { lr: 0.5, batch_size: 0.5 } }
        sampler: { kind: random }
        seed: 3
        """
    }

    @Test(arguments: ["trainer", "accelerate"])
    func `three stages show the learning rates and batch sizes that the optimiser really used`(
        loop: String
    ) async throws {
        let bench = try Bench(Self.yaml(loop))
        let result = try await bench.run("start")
        #expect(result.exit == 0, "\(result.errors)")
        let text = try String(contentsOfFile: bench.out + "/hpo_summary.csv", encoding: .utf8)
        let rows = text.components(separatedBy: "\r\n").filter { !$0.isEmpty }
            .map { $0.components(separatedBy: ",") }
        let column = { (name: String) in try #require(rows[0].firstIndex(of: name)) }
        #expect(rows.count == 7)
        for row in rows.dropFirst() {
            #expect(try row[column("state")] == "completed", "\(row)")
            #expect(try Double(row[column("used_learning_rate")]) == Double(row[column("lr")]))
            #expect(try row[column("used_batch_size")] == row[column("batch_size")])
        }
        let rates = try Set(rows.dropFirst().map { try $0[column("used_learning_rate")] })
        #expect(rates.count > 3)
        // Later stages go on in the data where their checkpoint stopped.
        for trial in try bench.engine().stages[2].trials {
            let batch = try #require(trial.progress.used.batchSize)
            #expect(try #require(trial.progress.used.consumedSamples) > 8 * batch)
        }
    }
}
