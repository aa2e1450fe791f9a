import FleetModel
import Glibc
import TrainerKit

/// `native loss CHECKPOINT FILE…`: the loss of a saved model on text that it may never have seen, in nats per
/// byte, on stdout. For benchmarks and for people; no run of a study asks for it.
enum Evaluation {
    static func run(_ arguments: [String]) throws {
        guard arguments.count >= 2 else {
            throw Refusal("found \(arguments.count) arguments, expected loss CHECKPOINT FILE…")
        }
        let folder = absolutePath(arguments[0], from: ".")
        let shape = try Training.savedState(in: folder).architecture
        let texts = try TextFiles.read(arguments.dropFirst().map { absolutePath($0, from: ".") })
        let corpus = Corpus(files: texts, validationShare: 1)
        guard corpus.validation.count > shape.context else {
            throw Refusal(
                "found \(corpus.validation.count) bytes of text, expected more than \(shape.context)")
        }
        let training = try Training(
            shape, hyper: Hyperparameters(), corpus: corpus, steps: 1, seed: 0, threads: 1)
        _ = try training.restore(from: folder, as: .newTrial(seed: 0))
        print(training.validationLoss(tokens: corpus.validation.count))
    }
}
