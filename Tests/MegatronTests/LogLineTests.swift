import FleetModel
import Testing
import TrainerKit

@testable import megatron

/// Lines in the formats that TRAINER_FACTS section 2.1 gives, whole, cut and glued.
@Suite struct LogLineTests {
    static let recent =
        " [2026-08-22 15:22:22.123456] iteration       10/     500 | consumed samples:          640 | elapsed time per iteration (ms): 412.7 | throughput per GPU (TFLOP/s/GPU): 183.4 | learning rate: 6.000000E-05 | global batch size:    64 | lm loss: 9.874512E+00 | loss scale: 1.0 | grad norm: 12.345 | number of skipped iterations:   0 | number of nan iterations:   0 |"
    static let mixture =
        " [2024-04-06 02:59:36] iteration       43/     100 | consumed samples:         5504 | elapsed time per iteration (ms): 5444.9 | throughput per GPU (TFLOP/s/GPU): 239.8 | learning rate: 8.600000E-06 | global batch size:   128 | lm loss: 1.825991E+00 | load_balancing_loss: 1.019746E+00 | loss scale: 1.0 | grad norm: 1.426 | num zeros: 0.0 | number of skipped iterations:   0 | number of nan iterations:   0 |"
    static let diverged =
        " [2026-08-22 15:22:30.123456] iteration       20/     500 | consumed samples:         1280 | elapsed time per iteration (ms): 411.9 | learning rate: 1.200000E-04 | global batch size:    64 | loss scale: 1.0 | grad norm: nan | number of skipped iterations:   0 | number of nan iterations:   0 |"
    static let old =
        " iteration      122/  250000 | consumed samples:       124928 | elapsed time per iteration (ms): 86545.2 | learning rate: 9.150E-06 | global batch size:  1024 | lm loss: 2.504220E+00 | loss scale: 1.0 | grad norm: 0.231 | number of skipped iterations:   0 | number of nan iterations:   0 |"
    static let energetic =
        " [2026-08-22 15:22:22.123456] iteration       11/     500 | consumed samples:          704 | skipped samples:           64 | elapsed time per iteration (ms): 412.7 | energy per GPU (J/iter/GPU): 250.1 | power per GPU (W/GPU): 606.0 | learning rate: 6.000000E-05 | decoupled learning rate: 1.000000E-05 | global batch size:    64 | lm loss: INF | mtp_1 loss: 9.9E+00 | loss scale: 4096.0 | grad norm: 12.345 | params norm: 55.100 | number of skipped iterations:   1 | number of nan iterations:   1 |"
    static let validation =
        " validation loss at iteration 100 | lm loss value: 7.123456E+00 | lm loss PPL: 1.240730E+03 | "
    static let memory =
        "[Rank 0] (after 2 iterations) memory (MB) | allocated: 1024.12 | max allocated: 4096.55 | reserved: 5120.00 | max reserved: 5120.00"

    private func training(_ line: String) throws -> TrainingLine {
        guard case .training(let line)? = LogLine.records(in: line).first else {
            throw Refusal("no training line")
        }
        return line
    }

    @Test func `every field of a training line is read`() throws {
        let line = try training(Self.recent)
        #expect(line.iteration == 10 && line.last == 500)
        #expect(
            line.fields == [
                "consumed samples": 640, "elapsed time per iteration (ms)": 412.7,
                "throughput per GPU (TFLOP/s/GPU)": 183.4, "learning rate": 6e-5, "global batch size": 64,
                "lm loss": 9.874512, "loss scale": 1, "grad norm": 12.345,
                "number of skipped iterations": 0, "number of nan iterations": 0,
            ])
    }

    @Test func `further losses, old formats and optional fields are read by name`() throws {
        #expect(try training(Self.mixture)["load_balancing_loss"] == 1.019746)
        #expect(try training(Self.old)["learning rate"] == 9.15e-6)
        let line = try training(Self.energetic)
        #expect(line["skipped samples"] == 64 && line["mtp_1 loss"] == 9.9 && line["params norm"] == 55.1)
        #expect(line["lm loss"] == .infinity && line.skipped == 1)
    }

    @Test func `a loss that is missing on a line without skipped iterations has diverged`() throws {
        #expect(try training(Self.diverged).isDiverged)
        #expect(try training(Self.energetic).isDiverged)
        #expect(try !training(Self.recent).isDiverged)
        let searching = Self.diverged.replacing("skipped iterations:   0", with: "skipped iterations:  10")
        #expect(try !training(searching).isDiverged)
    }

    @Test func `validation and test lines are told apart`() {
        #expect(
            LogLine.records(in: Self.validation)
                == [.validation(iteration: 100, isTest: false, losses: ["lm loss": 7.123456])])
        let last =
            " validation loss at iteration 500 on validation set | lm loss value: 6.9E+00 | lm loss PPL: 9.9E+02 | "
        #expect(
            LogLine.records(in: last)
                == [.validation(iteration: 500, isTest: false, losses: ["lm loss": 6.9])])
        #expect(
            LogLine.records(in: last.replacing("validation set", with: "test set"))
                == [.validation(iteration: 500, isTest: true, losses: ["lm loss": 6.9])])
        let lost = Self.validation.replacing("7.123456E+00", with: "NAN")
        guard case .validation(_, _, let losses)? = LogLine.records(in: lost).first else {
            Issue.record("no validation line")
            return
        }
        #expect(losses["lm loss"]?.isNaN == true)
    }

    @Test func `memory is the peak in MiB`() {
        #expect(LogLine.records(in: Self.memory) == [.memory(peakMiB: 4096.55)])
    }

    @Test func `prefixes of launchers do no harm`() {
        #expect(LogLine.records(in: "[default7]:" + Self.recent) == LogLine.records(in: Self.recent))
    }

    @Test(arguments: [recent, mixture, diverged, old, energetic, validation])
    func `a line that is cut anywhere says the truth or nothing`(line: String) {
        let whole = LogLine.records(in: line)
        #expect(whole.count == 1)
        for length in 0..<line.count {
            let cut = LogLine.records(in: String(line.prefix(length)))
            #expect(cut.isEmpty || cut == whole, "\(line.prefix(length))")
            let rest = LogLine.records(in: String(line.suffix(length)))
            #expect(rest.isEmpty || rest == whole, "\(line.suffix(length))")
        }
    }

    @Test(arguments: [recent, mixture, diverged, validation, memory], [old, validation, memory])
    func `a line that another rank's cuts into says the truth or nothing`(line: String, other: String) {
        let truth = Set(LogLine.records(in: line) + LogLine.records(in: other))
        for place in 0...line.count {
            let mixed = String(line.prefix(place)) + other + String(line.dropFirst(place))
            #expect(truth.isSuperset(of: LogLine.records(in: mixed)), "\(mixed)")
        }
    }

    @Test func `lines that are glued together are all read`() {
        #expect(LogLine.records(in: Self.memory + Self.recent + Self.old + Self.validation).count == 4)
    }

    @Test func `ordinary output is no record`() {
        for line in [
            "using world size: 4, data-parallel size: 4, …", " > building GPT model ...", "| a | table |",
            "  successfully saved checkpoint from iteration     100 to DIR [ t 1/1, p 1/1 ]", "iteration 5/",
        ] {
            #expect(LogLine.records(in: line).isEmpty, "\(line)")
        }
    }
}
