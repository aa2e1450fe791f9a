import FleetModel
import TrainerKit
import Wire

/// The command line of a run: torchrun, the entry script and Megatron's flags.
struct Launch {
    let spec: RunSpec
    let settings: MegatronSettings
    let plan: RunPlan
    let folder: TrialFolder

    /// GPUs of this node. A lease without any has as many slots; Megatron itself then says that it needs CUDA.
    static func processes(of spec: RunSpec) -> Int {
        max(1, spec.gpuIndices.isEmpty ? spec.slots.count : spec.gpuIndices.count)
    }

    /// Processes of the whole run.
    static func worldSize(of spec: RunSpec) -> Int { processes(of: spec) * (spec.gang?.nodes ?? 1) }

    var arguments: [String] { torchrun + [settings.repository + "/" + settings.entry] + flags }

    /// Module and not `torchrun`, so that it is the one of the interpreter that trains.
    private var torchrun: [String] {
        let each = ["--nproc-per-node", "\(Self.processes(of: spec))"]
        let module = [settings.python, "-m", "torch.distributed.run"]
        guard let gang = spec.gang else { return module + ["--standalone", "--nnodes", "1"] + each }
        return module + [
            "--nnodes", "\(gang.nodes)", "--node-rank", "\(gang.rank)", "--master-addr", gang.masterAddress,
            "--master-port", "\(gang.masterPort)",
        ] + each
    }

    /// Megatron's flags.
    var flags: [String] {
        let own = modelFlags + trainingFlags + startFlags + savingFlags + dataFlags
        let taken = Set(own.filter { $0.hasPrefix("--") }.map { ExtraArguments.bare($0) })
        return settings.arguments.flags(without: taken) + own
    }

    /// Hyper-parameters that have a flag of their own name.
    private var modelFlags: [String] {
        spec.assignment.sorted { $0.key < $1.key }.flatMap { name, value -> [String] in
            guard !Parameters.own.contains(name) else { return [] }
            let flag = "--" + name.replacing("_", with: "-")
            if case .bool(let isOn) = value { return isOn ? [flag] : [] }
            return [flag, value.description]
        }
    }

    private var trainingFlags: [String] {
        let layout = settings.layout
        return [
            "--tensor-model-parallel-size", "\(layout.tensor)",
            "--pipeline-model-parallel-size", "\(layout.pipeline)",
            "--context-parallel-size", "\(layout.context)",
            "--micro-batch-size", "\(plan.batch.micro)", "--global-batch-size", "\(plan.batch.size)",
            // Samples and not iterations: stages differ in batch size, and what counts from a checkpoint on
            // must not be multiplied by the new one.
            "--train-samples", "\(plan.trainSamples)", "--exit-interval", "\(plan.lastIteration)",
            "--lr", "\(plan.rates.lr)", "--min-lr", "\(plan.rates.minLR)",
            "--weight-decay", "\(plan.rates.weightDecay)",
        ] + plan.curve.flags + [
            "--seed", "\(seed)", "--log-interval", "\(plan.intervals.log)", "--log-throughput",
            "--eval-interval", "\(plan.intervals.evaluate)", "--eval-iters", "\(plan.evaluationBatches)",
            // A reproducible NaN would otherwise be saved and the run end with a code of its own.
            "--rerun-mode", "disabled", "--exit-signal-handler",
        ]
    }

    /// Of weights and data. Data goes on in the order that it had; Megatron's generators take 32 bits.
    var seed: Int { plan.position.seed ?? Int(spec.seed % (1 << 31)) }

    private var startFlags: [String] {
        switch plan.start {
        case .nothing: return []
        case .weights(let place): return load(place) + ["--finetune"]
        case .counters(let place): return load(place) + ["--no-load-optim", "--no-load-rng"]
        case .everything(let place, let isPatched):
            let source = isPatched ? ["--load", patchedFolder, "--exit-on-missing-checkpoint"] : load(place)
            return source + ["--override-opt_param-scheduler"]
        }
    }

    private func load(_ place: SavedPlace) -> [String] {
        let iteration = place.isTracked ? nil : place.iteration
        let step = iteration.map { ["--ckpt-step", "\($0)"] } ?? []
        return ["--load", place.root] + step + ["--exit-on-missing-checkpoint"]
    }

    private var savingFlags: [String] {
        ["--save", saveFolder, "--save-interval", "\(plan.intervals.save)", "--ckpt-format", "torch_dist"]
    }

    private var dataFlags: [String] {
        (settings.tokenizer?.flags ?? []) + settings.data.flags + ["--split", settings.split]
    }

    /// Where Megatron saves; every node of a gang must see the same folder.
    var saveFolder: String {
        guard spec.gang != nil, let shared = settings.sharedFolder else { return folder.work + "/save" }
        let run = spec.key.run
        return
            "\(shared)/\(spec.key.study)/stage_\(run.trial.stage)_trial_\(run.trial.number)_run_\(run.attempt)"
    }

    /// The copy of the checkpoint whose optimiser state holds this trial's rates.
    var patchedFolder: String { folder.work + "/start" }
}
