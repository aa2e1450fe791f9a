import TrainerKit

/// How a run is spread over its GPUs.
struct Layout: Hashable {
    let tensor: Int
    let pipeline: Int
    let context: Int

    init() {
        (tensor, pipeline, context) = (1, 1, 1)
    }

    /// `parallel: { tensor: 2, pipeline: 1, context: 1 }`
    init(_ settings: inout SettingsReader) {
        tensor = settings.int("tensor", default: 1, in: 1...)
        pipeline = settings.int("pipeline", default: 1, in: 1...)
        context = settings.int("context", default: 1, in: 1...)
    }

    /// GPUs of one replica of the model.
    var replica: Int { tensor * pipeline * context }

    /// Replicas that share a global batch.
    func replicas(on gpus: Int) throws(Refusal) -> Int {
        guard gpus % replica == 0, gpus >= replica else {
            throw Refusal(
                "found \(gpus) GPUs for tensor \(tensor) × pipeline \(pipeline) × context \(context) = "
                    + "\(replica); expected a multiple of \(replica): change resources.gpus or "
                    + "trainer.settings.parallel")
        }
        return gpus / replica
    }
}

/// The sizes of the model that Megatron divides among GPUs; nil where the settings do not say.
struct ModelSizes: Hashable {
    let layers: Int?
    let hidden: Int?
    let heads: Int?
    let sequence: Int?

    /// What does not divide, each with a sentence. The same rules as `validate_args` in
    /// megatron/training/arguments.py, before a GPU is touched.
    func misfits(_ layout: Layout) -> [(flag: String, found: String, expected: String)] {
        func misfit(_ flag: String, _ value: Int?, by divisor: Int, _ name: String) -> (
            String, String, String
        )? {
            guard let value, value % divisor != 0 else { return nil }
            return (flag, "\(value)", "a multiple of \(divisor), which is \(name)")
        }
        return [
            misfit("num-layers", layers, by: layout.pipeline, "parallel.pipeline"),
            misfit("num-attention-heads", heads, by: layout.tensor, "parallel.tensor"),
            heads.flatMap { misfit("hidden-size", hidden, by: $0, "num-attention-heads") },
            misfit(
                "seq-length", sequence, by: layout.context > 1 ? 2 * layout.context : 1,
                "twice parallel.context"),
        ].compactMap { $0 }
    }
}

/// A global batch that Megatron can cut: micro-batch × replicas × accumulation.
struct GlobalBatch: Hashable {
    let size: Int
    let micro: Int
    /// What the trial asked for, where it was not legal.
    let rounded: Double?

    /// The legal size nearest to `wanted` samples, at least one micro-batch in each replica; of two equally
    /// near ones the larger.
    init(nearest wanted: Double, micro: Int, replicas: Int) {
        let unit = micro * replicas
        let units = max(1, (min(max(wanted, 1), 1e12) / Double(unit)).rounded())
        size = unit * Int(units)
        self.micro = micro
        rounded = Double(size) == wanted ? nil : wanted
    }
}
