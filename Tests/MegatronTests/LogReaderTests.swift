import FleetModel
import Testing
import TrainerKit
import Wire

@testable import megatron

/// From lines to reports.
@Suite struct LogReaderTests {
    private func reader(
        metric: String = "validation_loss", first: Int = 0, isWhole: Bool = true
    ) throws -> LogReader {
        let memo = Memo(
            iteration: 0, samples: 0, batch: 64, seed: 1, rates: Rates(lr: 1e-4, minLR: 0, weightDecay: 0.01))
        let saved = try SavedFolder(iteration: first, memo: memo)
        let spec = spec(start: first > 0 ? .warm(from: saved.path) : .fresh, metric: metric)
        let plan = try Megatron(spec.settings).plan(of: spec, from: try spec.savedPlace())
        return LogReader(metric: metric, plan: plan, sequence: 1024, isWhole: isWhole)
    }

    private func line(_ iteration: Int, loss: String? = "2.0E+00", skipped: Int = 0) -> String {
        let field = loss.map { " lm loss: \($0) |" } ?? ""
        return
            " [2026-08-22 15:22:22.123456] iteration \(iteration)/ 500 | consumed samples: \(iteration * 64) | elapsed time per iteration (ms): 500.0 | learning rate: 1.0E-04 | global batch size:    64 |\(field) loss scale: 1.0 | grad norm: 1.0 | number of skipped iterations: \(skipped) | number of nan iterations:   0 |"
    }

    private func report(_ signals: [Signal]) throws -> Report {
        guard case .report(let report)? = signals.first else { throw Refusal("no report in \(signals)") }
        return report
    }

    @Test func `steps count from the trial's first iteration`() throws {
        var reader = try reader(first: 1000)
        let report = try report(reader.signals(in: line(1010), from: .standardOutput))
        #expect(report.step == 10)
        #expect(report.metrics["trainer_step"] == .value(1010))
        #expect(report.metrics["consumed_samples"] == .value(1010 * 64))
        #expect(report.metrics["training_loss"] == .value(2))
    }

    @Test func `speed is left out of a process's first line, which holds its start`() throws {
        var reader = try reader()
        let first = try report(reader.signals(in: line(1), from: .standardOutput))
        #expect(first.metrics["tokens_per_second"] == nil && first.metrics["step_ms"] == nil)
        let second = try report(reader.signals(in: line(10), from: .standardOutput))
        #expect(second.metrics["step_ms"] == .value(500))
        #expect(second.metrics["tokens_per_second"] == .value(64 * 1024 / 0.5))
    }

    @Test func `the evaluation at the end of a run is not reported twice`() throws {
        var reader = try reader()
        let once = " validation loss at iteration 100 | lm loss value: 7.0E+00 | lm loss PPL: 1.2E+03 | "
        #expect(
            try report(reader.signals(in: once, from: .standardOutput)).metrics == [
                "validation_loss": .value(7)
            ])
        let again = once.replacing("100 |", with: "100 on validation set |")
        #expect(reader.signals(in: again, from: .standardOutput).isEmpty)
    }

    @Test func `where the training loss is the objective, the evaluation of its step comes along`() throws {
        var reader = try reader(metric: "training_loss")
        #expect(try report(reader.signals(in: line(10), from: .standardOutput)).step == 10)
        #expect(reader.signals(in: line(125), from: .standardOutput).isEmpty)
        let validation =
            " validation loss at iteration 125 | lm loss value: 7.0E+00 | lm loss PPL: 1.2E+03 | "
        let both = try report(reader.signals(in: validation, from: .standardOutput))
        #expect(both.step == 125)
        #expect(both.metrics["training_loss"] == .value(2) && both.metrics["validation_loss"] == .value(7))
        #expect(reader.signals(in: line(250), from: .standardOutput).isEmpty)
        let late = reader.signals(in: line(260), from: .standardOutput)
        #expect(late.count == 2)
    }

    @Test func `a divergence is a NaN of the objective`() throws {
        var reader = try reader()
        let report = try report(reader.signals(in: line(10, loss: nil), from: .standardOutput))
        #expect(report.metrics["validation_loss"] == .notFinite(.nan))
        #expect(report.metrics["training_loss"] == .notFinite(.nan))
    }

    @Test func `a search for a loss scale is no divergence, one without an end is`() throws {
        var reader = try reader()
        for iteration in stride(from: 10, through: 40, by: 10) {
            let report = try report(
                reader.signals(in: line(iteration, loss: nil, skipped: 10), from: .standardOutput))
            #expect(report.metrics["validation_loss"] == nil)
            #expect(report.metrics["scheduler_steps"] == .value(-1))
        }
        let last = try report(reader.signals(in: line(50, loss: nil, skipped: 10), from: .standardOutput))
        #expect(last.metrics["validation_loss"] == .notFinite(.nan))
    }

    @Test func `the peak of memory is reported with what follows`() throws {
        var reader = try reader()
        #expect(reader.signals(in: LogLineTests.memory, from: .standardOutput).isEmpty)
        let report = try report(reader.signals(in: line(10), from: .standardOutput))
        #expect(report.metrics["peak_memory_mib"] == .value(4096.55))
    }

    @Test(arguments: [true, false])
    func `the model's size is reported where one process holds all of it`(isWhole: Bool) throws {
        var reader = try reader(isWhole: isWhole)
        let said = " > number of parameters on (tensor, pipeline) model parallel rank (0, 0): 354871296"
        #expect(reader.signals(in: said, from: .standardOutput).isEmpty)
        let report = try report(reader.signals(in: line(10), from: .standardOutput))
        #expect(report.metrics["parameters"] == (isWhole ? .value(354_871_296) : nil))
        #expect(report.metrics.keys.allSatisfy(LogReader.metrics.contains))
    }

    @Test func `what is measured is known of plain models, and open where losses have names of their own`()
        throws
    {
        var settings = spec().settings
        #expect(Megatron(settings).metrics?.contains("step_ms") == true)
        guard case .object(var members) = settings else { return }
        members["args"] = .object(["num-experts": .int(8)])
        settings = .object(members)
        #expect(Megatron(settings).metrics == nil)
    }

    @Test(arguments: [
        (
            "RuntimeError: Rank 0, node n1, device 0, iteration 12: Unexpected result nan (message='found NaN in local forward loss calculation')",
            "not finite"
        ),
        ("pretrain_gpt.py: error: unrecognized arguments: --num-layer 3", "refused"),
        (
            "AssertionError: OptimizerParamScheduler: class input value 0.0001 and checkpointvalue 0.0003 for learning rate do not match",
            "refused"
        ),
        (
            "[rank0]:[E321 02:07:08.408271257 ProcessGroupNCCL.cpp:607] [Rank 0] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=1580)",
            "node"
        ),
        ("torch.AcceleratorError: CUDA error: an illegal memory access was encountered", "node"),
        ("RuntimeError: CUDA error: uncorrectable ECC error encountered", "node"),
    ])
    func `a fault's text says whose fault it is`(text: String, whose: String) {
        switch Complaint.cause(in: text) {
        case .notFinite(_, let step, _): #expect(whose == "not finite" && step == 12)
        case .refused: #expect(whose == "refused")
        case .node: #expect(whose == "node")
        default: Issue.record("\(text) says nothing")
        }
    }
}
