import FleetModel
import Wire

/// What one start of a run's program needs.
struct Attempt {
    let command: SupervisedCommand
    let expectation: Expectation
    var reader: any LineReader
    /// Whether a checkpoint of its last step is to come.
    let savesCheckpoints: Bool
}

/// How often a run's program is started, and with what: again with a smaller micro-batch where memory ran
/// out and the settings leave the size to us.
struct Attempts<Reading: Trainer> {
    private let spec: RunSpec
    private let folder: TrialFolder
    private let choice: MicroBatches?
    private let memory: MicroBatchMemory?
    /// Sizes that are left to try, largest first.
    private var left: ArraySlice<Int> = []

    init(of spec: RunSpec, in folder: TrialFolder) throws(Refusal) {
        self.spec = spec
        self.folder = folder
        choice =
            spec.settings["micro_batch"]?.isAuto == true
            ? try Reading.make(for: spec).microBatches(of: spec) : nil
        memory = choice.map { choice in
            MicroBatchMemory(of: folder, plugin: Reading.about.name, shape: choice.shape)
        }
        guard let choice else { return }
        // Its nodes would each learn for themselves, and no longer agree.
        guard spec.gang == nil else {
            throw Refusal("found micro_batch: auto in a run over several nodes; expected a number")
        }
        let sizes = choice.sizes.filter { $0 < memory?.tooLarge ?? .max }
        // What did not fit beside another's process may fit today: the smallest is always tried.
        left = sizes.isEmpty ? choice.sizes.suffix(1) : sizes[...]
    }

    func current() throws(Refusal) -> Attempt { try attempt(spec) }

    /// What the first start would be.
    func explained() throws(Refusal) -> SupervisedCommand {
        let spec = sized(spec)
        return SupervisedCommand(
            try Reading.make(for: spec).explanation(of: spec, in: folder), folder: folder)
    }

    private func sized(_ spec: RunSpec) -> RunSpec {
        left.first.map { spec.with(settings: spec.settings.with(microBatch: $0)) } ?? spec
    }

    /// The next smaller one after memory ran out; nil where there is none.
    ///
    /// - Parameter saved: the run's last checkpoint, from which it goes on.
    mutating func next(from saved: (path: String, step: Int)?) throws(Refusal) -> (Attempt, note: String)? {
        guard let size = left.popFirst() else { return nil }
        memory?.note(tooLarge: size)
        guard let smaller = left.first else { return nil }
        let start = saved.map { RunSpec.Start.resume(from: $0.path, step: $0.step) } ?? spec.start
        return (
            try attempt(spec.with(start: start)),
            "out of memory with micro-batches of \(size): goes on with \(smaller) from step "
                + "\(saved?.step ?? spec.firstStep), the global batch stays"
        )
    }

    private func attempt(_ spec: RunSpec) throws(Refusal) -> Attempt {
        let sized = sized(spec)
        let trainer = try Reading.make(for: sized)
        let command = SupervisedCommand(try trainer.execution(of: sized, in: folder), folder: folder)
        return Attempt(
            command: command, expectation: trainer.expectation(of: sized),
            reader: try trainer.reader(of: sized, in: folder), savesCheckpoints: trainer.makesCheckpoints)
    }
}
