import FoundationEssentials
import TrainerKit

/// How a training goes on from a checkpoint.
enum Continuation: Hashable {
    /// The same trial, at that trial step.
    case sameTrial(step: Int)
    /// Another trial with hyper-parameters of its own: weights and moments are kept, trial steps and the
    /// schedule begin anew, batches are drawn from its own seed.
    case newTrial(seed: UInt64)
}

extension Training {
    /// Writes the whole state to `folder`, which exists.
    func save(to folder: String) throws {
        try encodedState().write(to: Self.place(SavedState.file, in: folder))
        try Safetensors.encode(savedTensors).write(to: Self.place(SavedState.tensors, in: folder))
    }

    /// What `save` takes on a disk, in MiB, told without saving.
    func checkpointMiB() throws -> Double {
        DiskSize.mib(ofFiles: [try encodedState().count, try Safetensors.size(of: savedTensors)])
    }

    private func encodedState() throws -> Data {
        let state = SavedState(
            architecture: shape, hyperparameters: hyper, progress: progress, optimizerSteps: optimizer.steps)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        return try encoder.encode(state)
    }

    private var savedTensors: [Safetensors.Source] {
        savedBuffers.flatMap { prefix, buffer in
            layout.tensors.map { tensor in
                Safetensors.Source(
                    name: prefix + tensor.name, shape: tensor.shape, values: buffer.start + tensor.offset)
            }
        }
    }

    /// Takes on the state in `folder`. Answers a note for people where not all of it could be kept.
    func restore(from folder: String, as continuation: Continuation) throws(CheckpointFault) -> String? {
        let state = try Self.savedState(in: folder)
        if let difference = state.architecture.difference(from: shape) {
            throw CheckpointFault(
                description: "the checkpoint's model does not fit this trial's: \(difference). "
                    + "Keep these fixed where trials start from others' checkpoints.")
        }
        switch continuation {
        case .sameTrial(let step):
            guard state.progress.trialSteps == step else {
                throw CheckpointFault(
                    description: "trial step: found \(state.progress.trialSteps), expected \(step)")
            }
            progress = state.progress
        case .newTrial(let seed):
            let earlier = state.progress
            progress = Progress(seed: seed, totalSteps: earlier.totalSteps, samples: earlier.samples)
        }
        let file = try SafetensorsFile(Self.read(SavedState.tensors, in: folder))
        let keepsMoments = state.hyperparameters.optimizer == optimizer.kind
        for (prefix, buffer) in savedBuffers.prefix(keepsMoments ? .max : 1) {
            for tensor in layout.tensors {
                try file.read(prefix + tensor.name, shape: tensor.shape, into: buffer.start + tensor.offset)
            }
        }
        optimizer.steps = keepsMoments ? state.optimizerSteps : 0
        return keepsMoments
            ? nil
            : "the checkpoint was trained by \(state.hyperparameters.optimizer.rawValue): the moments of "
                + "\(optimizer.kind.rawValue) start at zero"
    }

    /// The buffers of a checkpoint, each with what stands before its tensors' names; parameters first.
    private var savedBuffers: [(prefix: String, buffer: FloatBuffer)] {
        let moments = [("optimizer.first.", optimizer.first), ("optimizer.second.", optimizer.second)]
        return [("model.", parameters.buffer)] + moments.filter { $0.1.count > 0 }
    }

    static func savedState(in folder: String) throws(CheckpointFault) -> SavedState {
        let bytes = try read(SavedState.file, in: folder)
        do {
            let state = try JSONDecoder().decode(SavedState.self, from: bytes)
            if state.format == SavedState.currentFormat { return state }
            throw CheckpointFault(
                description: "format: found \(state.format), expected \(SavedState.currentFormat)")
        } catch let fault as CheckpointFault {
            throw fault
        } catch {
            throw CheckpointFault(description: "\(folder)/\(SavedState.file) cannot be understood: \(error)")
        }
    }

    private static func read(_ name: String, in folder: String) throws(CheckpointFault) -> Data {
        do {
            return try Data(contentsOf: place(name, in: folder))
        } catch {
            throw CheckpointFault(
                description: "\(folder)/\(name) cannot be read: it is missing, or not for this user")
        }
    }

    private static func place(_ name: String, in folder: String) -> URL {
        URL(filePath: folder + "/" + name)
    }
}
