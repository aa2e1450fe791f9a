import FleetModel
import FoundationEssentials
import TrainerKit
import Wire

/// The files of a run below its trial folder's `work/`.
struct RunPlace {
    private let folder: TrialFolder

    init(_ folder: TrialFolder) {
        self.folder = folder
    }

    /// The script's `output_dir`.
    var output: String { folder.work + "/output" }
    /// Where the module reports.
    var reports: String { folder.work + "/reports.jsonl" }
    /// What the module is told.
    var plan: String { folder.work + "/plan.json" }
    var stop: String { folder.stop }
    /// First on PYTHONPATH.
    private var python: String { folder.work + "/python" }

    /// Writes what the run needs; nothing of an earlier attempt is left to be read again.
    func prepare(_ runPlan: RunPlan?) throws(Refusal) {
        do {
            try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
            guard let runPlan else { return }
            try? FileManager.default.removeItem(atPath: reports)
            try FileManager.default.createDirectory(atPath: python, withIntermediateDirectories: true)
            try Lines.encode(runPlan).write(to: URL(filePath: plan))
            for (name, bytes) in [
                ("sitecustomize.py", PackageResources.sitecustomize_py),
                ("iterhpo_run.py", PackageResources.iterhpo_run_py),
                ("iterhpo_trainer.py", PackageResources.iterhpo_trainer_py),
                ("iterhpo_accelerate.py", PackageResources.iterhpo_accelerate_py),
                ("iterhpo_data.py", PackageResources.iterhpo_data_py),
            ] {
                try Data(bytes).write(to: URL(filePath: python + "/" + name))
            }
        } catch {
            throw Refusal("could not write to \(folder.work): \(error)")
        }
    }

    /// What the script finds in its environment.
    ///
    /// - Parameter loop: what the module watches; nil: there is no module.
    func environment(
        _ given: [String: String], _ loop: TrainingLoop?, firstStep: Int
    ) -> [String: String] {
        // Its parent's threads in a forked loader are no fault, and every rank would say so.
        var environment = ["TOKENIZERS_PARALLELISM": "false"].merging(given) { $1 }
        guard let loop else { return environment }
        environment["ITERHPO_PLAN"] = plan
        environment["ITERHPO_LOOP"] = loop.rawValue
        // For scripts that compute the learning rate themselves, from their own count of steps.
        environment["ITERHPO_FIRST_STEP"] = "\(firstStep)"
        let inherited = ProcessInfo.processInfo.environment["PYTHONPATH"]
        environment["PYTHONPATH"] = [python, given["PYTHONPATH"] ?? inherited].compactMap(\.self)
            .joined(separator: ":")
        return environment
    }
}

/// What the module reads; the comment of `iterhpo_run.py` says what each field is.
struct RunPlan: Encodable {
    let reports: String
    let stop: String
    let output: String
    let checkpoint: String?
    let resume_at: Int?
    var keeps_optimizer = true
    let steps: Int
    let cooldown: Int
    let metric: String
    let log_every: Int
    let evaluate_every: Int
    let checkpoint_every: Int
    let arguments: [String: JSON]

    init(
        _ spec: RunSpec, _ place: RunPlace, _ origin: Origin, _ cadence: Cadence, _ arguments: [String: JSON]
    ) {
        reports = place.reports
        stop = place.stop
        output = place.output
        checkpoint = origin.checkpoint
        resume_at = if case .resume(_, let step) = origin { step } else { nil }
        steps = spec.steps
        cooldown = spec.cooldown
        metric = spec.metric
        log_every = cadence.log
        evaluate_every = cadence.evaluate
        checkpoint_every = cadence.checkpoint
        self.arguments = arguments
    }

    private enum CodingKeys: String, CodingKey {
        case reports, stop, output, checkpoint, resume_at, keeps_optimizer, steps, cooldown, metric
        case log_every, evaluate_every, checkpoint_every, arguments
    }

    /// Python asks for every key, so nil is written as null.
    func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(reports, forKey: .reports)
        try fields.encode(stop, forKey: .stop)
        try fields.encode(output, forKey: .output)
        try fields.encode(checkpoint, forKey: .checkpoint)
        try fields.encode(resume_at, forKey: .resume_at)
        try fields.encode(keeps_optimizer, forKey: .keeps_optimizer)
        try fields.encode(steps, forKey: .steps)
        try fields.encode(cooldown, forKey: .cooldown)
        try fields.encode(metric, forKey: .metric)
        try fields.encode(log_every, forKey: .log_every)
        try fields.encode(evaluate_every, forKey: .evaluate_every)
        try fields.encode(checkpoint_every, forKey: .checkpoint_every)
        try fields.encode(arguments, forKey: .arguments)
    }
}
