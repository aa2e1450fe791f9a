import FleetModel
import TrainerKit
import Wire

/// Turns the lines of one run into reports. Iterations count since the model was born, steps since the trial
/// was.
struct LogReader: LineReader {
    private let metric: String
    private let firstIteration: Int
    private let evaluateEvery: Int
    /// Tokens of one sample; nil: not known.
    private let sequence: Double?
    /// Iterations without an update so far: they hold the schedule back.
    private var skipped = 0
    private var skippedInARow = 0
    private var sawTraining = false
    private var lastValidation: Int?
    private var peakMiB: Double?
    /// Whether one process holds the whole model, and so can say how large it is.
    private let isWhole: Bool
    private var parameters: Int?
    /// The training metrics of a step that is evaluated next, where one of them is the objective: the kit
    /// writes a report when it has the objective, and takes no more of that step.
    private var held: (step: Int, metrics: [String: Double])?

    /// So many skipped iterations one after the other are no search for a loss scale any more.
    static let mostSkipped = 50

    init(metric: String, plan: RunPlan, sequence: Double?, isWhole: Bool) {
        self.metric = metric
        self.isWhole = isWhole
        firstIteration = plan.position.firstIteration
        evaluateEvery = plan.intervals.evaluate
        self.sequence = sequence
    }

    mutating func signals(in line: String, from stream: OutputStream) -> [Signal] {
        let records = LogLine.records(in: line)
        if records.isEmpty {
            parameters = parameters ?? LogLine.parameters(in: line)
            return Complaint.cause(in: line).map { [.fault($0)] } ?? []
        }
        return records.flatMap { record -> [Signal] in
            switch record {
            case .training(let line): training(line)
            case .validation(let iteration, let isTest, let losses):
                validation(iteration - firstIteration, isTest, losses)
            case .memory(let peak): memory(peak)
            }
        }
    }

    private mutating func training(_ line: TrainingLine) -> [Signal] {
        let step = line.iteration - firstIteration
        skipped += line.skipped
        skippedInARow = line["lm loss"] == nil ? skippedInARow + line.skipped : 0
        var metrics = metrics(of: line, step: step)
        defer { sawTraining = true }
        if line.isDiverged || skippedInARow >= Self.mostSkipped {
            metrics["training_loss"] = line["lm loss"] ?? .nan
            metrics[metric] = .nan
            return flush() + [.report(step: step, metrics: metrics)]
        }
        if metrics[metric] != nil, line.iteration % evaluateEvery == 0 {
            defer { held = (step, metrics) }
            return flush()
        }
        return flush() + [.report(step: step, metrics: metrics)]
    }

    private mutating func flush() -> [Signal] {
        defer { held = nil }
        return held.map { [.report(step: $0.step, metrics: $0.metrics)] } ?? []
    }

    private mutating func validation(_ step: Int, _ isTest: Bool, _ losses: [String: Double]) -> [Signal] {
        // At the end of a run that ends by itself Megatron evaluates once more.
        if !isTest, step == lastValidation { return flush() }
        if !isTest { lastValidation = step }
        let prefix = isTest ? "test_" : "validation_"
        var metrics = held?.step == step ? held?.metrics ?? [:] : [:]
        let before = held?.step == step ? [] : flush()
        held = nil
        for (name, loss) in losses {
            metrics[name == "lm loss" ? prefix + "loss" : prefix + Self.metricName(name)] = loss
        }
        return before + [.report(step: step, metrics: metrics)]
    }

    private mutating func memory(_ peak: Double) -> [Signal] {
        peakMiB = max(peak, peakMiB ?? 0)
        return []
    }
}

// MARK: - Names

extension LogReader {
    private func metrics(of line: TrainingLine, step: Int) -> [String: Double] {
        var metrics: [String: Double] = [:]
        for (name, value) in line.fields { metrics[Self.metricName(name)] = value }
        metrics["scheduler_steps"] = Double(step - 1 - skipped)
        metrics["trainer_step"] = Double(line.iteration)
        metrics[StandardMetric.peakMemoryMiB.rawValue] = peakMiB
        if isWhole { metrics[StandardMetric.parameters.rawValue] = parameters.map(Double.init) }
        metrics["elapsed_time_per_iteration_(ms)"] = nil
        // The first line of a process holds its start.
        guard sawTraining else {
            metrics["tflops_per_gpu"] = nil
            return metrics
        }
        if let milliseconds = line[LogLine.Name.milliseconds], milliseconds > 0 {
            metrics[StandardMetric.stepMs.rawValue] = milliseconds
            if let sequence, let batch = line[LogLine.Name.batch] {
                metrics[StandardMetric.tokensPerSecond.rawValue] = batch * sequence / (milliseconds / 1000)
            }
        }
        return metrics
    }

    private static let names = [
        "lm loss": "training_loss",
        "throughput per GPU (TFLOP/s/GPU)": "tflops_per_gpu",
        "energy per GPU (J/iter/GPU)": "joules_per_step_and_gpu",
        "power per GPU (W/GPU)": "watts_per_gpu",
        "number of skipped iterations": "skipped_iterations",
        "number of nan iterations": "nan_iterations",
    ]

    /// All that a plain model's log holds, with and without the flags that make it longer.
    static let metrics =
        [
            "training_loss", "validation_loss", "test_loss", "learning_rate", "decoupled_learning_rate",
            "global_batch_size", "consumed_samples", "loss_scale", "grad_norm", "num_zeros", "params_norm",
            "scheduler_steps", "trainer_step",
        ] + names.values.sorted()
        + [StandardMetric.peakMemoryMiB, .stepMs, .tokensPerSecond, .parameters].map(\.rawValue)

    private static func metricName(_ name: String) -> String {
        names[name] ?? name.lowercased().replacing(" ", with: "_")
    }
}
