import FleetModel
import Glibc
import TrainerKit
import Wire

@main
enum Program {
    static func main() {
        do {
            try perform()
        } catch {
            var line = "native: \(error)\n"
            line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
            exit(1)
        }
    }

    private static func perform() throws {
        switch CommandLine.arguments.dropFirst().first {
        case "bench": try SpeedBenchmark.run()
        case "loss": try Evaluation.run(Array(CommandLine.arguments.dropFirst(2)))
        default: Native.main()
        }
    }
}

/// A transformer on bytes, trained in this process on the CPU: a real trainer that needs nothing installed.
struct Native: Trainer {
    /// Absolute.
    let data: [String]
    let recipe: Recipe
    let validationShare: Double
    /// At most so many tokens are judged at a time.
    let validationTokens: Int
    /// Steps between reports; nil: an eighth of the trial, at most 25.
    let evaluateEvery: Int?
    /// Steps between checkpoints; 0: only at the end, and where a stop wants one.
    let checkpointEvery: Int
    /// nil: one for each slot.
    let threads: Int?

    init(settings: inout SettingsReader) {
        data = settings.paths("data")
        recipe = Recipe(settings: &settings)
        validationShare = settings.double("validation_share", default: 0.1, in: 0.001...0.9)
        validationTokens = settings.int("validation_tokens", default: 16384, in: 1...)
        evaluateEvery = settings.optionalInt("evaluate_every", in: 1...)
        checkpointEvery = settings.int("checkpoint_every", default: 0, in: 0...)
        threads = settings.optionalInt("threads", in: 1...256)
    }

    var coolsDown: Bool { true }

    func problems(with parameters: [PluginCheck.Parameter]) -> [Problem] {
        parameters.compactMap { parameter in
            let path = ["space", parameter.name]
            guard let kinds = Tunables.kinds(of: parameter.name) else {
                return Problem(
                    at: path, found: parameter.name,
                    expected: "a parameter of native: \(Tunables.names.joined(separator: ", "))",
                    nearest: nearestName(to: parameter.name, among: Tunables.names), isAboutKey: true)
            }
            guard !kinds.contains(parameter.kind) else { return nil }
            let names = kinds.map(\.rawValue).joined(separator: " or ")
            return Problem(at: path + ["type"], found: parameter.kind.rawValue, expected: names)
        }
    }

    func execution(of spec: RunSpec, in folder: TrialFolder) throws(Refusal) -> Execution {
        let recipe = try refusing { () throws(Problem) -> Recipe in try self.recipe.applying(spec.assignment)
        }
        return .inProcess { session in
            let training = try Training(
                recipe.shape, hyper: recipe.hyper, corpus: try corpus(context: recipe.shape.context),
                steps: spec.steps, cooldown: spec.cooldown, seed: spec.seed,
                threads: threads ?? spec.slots.count)
            if let note = try restore(training, for: spec) { try session.note(note) }
            let loop = TrainingLoop(
                training: training, evaluateEvery: evaluateEvery ?? max(1, min(25, spec.steps / 8)),
                checkpointEvery: checkpointEvery, validationTokens: validationTokens,
                costs: try ModelCosts(of: training))
            try loop.run(session)
        }
    }

    func expectation(of spec: RunSpec) -> Expectation {
        guard let hyper = try? recipe.applying(spec.assignment).hyper else { return Expectation() }
        return Expectation(learningRate: hyper.learningRate, globalBatchSize: hyper.batchSize) { step in
            hyper.share(step: step, of: spec.steps, cooldown: spec.cooldown)
        }
    }

    /// The text; refused where there is too little of it.
    private func corpus(context: Int) throws(Refusal) -> Corpus {
        try refusing { () throws(Problem) -> Corpus in
            let corpus = Corpus(files: try TextFiles.read(data), validationShare: validationShare)
            if let fault = corpus.fault(context: context) { throw fault }
            return corpus
        }
    }

    /// Takes on the checkpoint that the run starts from, if any.
    private func restore(_ training: Training, for spec: RunSpec) throws(Refusal) -> String? {
        try refusing { () throws(CheckpointFault) -> String? in
            switch spec.start {
            case .fresh: nil
            case .warm(let folder): try training.restore(from: folder, as: .newTrial(seed: spec.seed))
            case .resume(let folder, let step):
                try training.restore(from: folder, as: .sameTrial(step: step))
            }
        }
    }
}

/// The result of `body`; its fault as the reason of a refusal.
private func refusing<Result, Fault: Error>(_ body: () throws(Fault) -> Result) throws(Refusal) -> Result {
    do throws(Fault) {
        return try body()
    } catch {
        throw Refusal("\(error)")
    }
}
