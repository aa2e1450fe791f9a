/// `state.json` of a checkpoint: all state that is no tensor.
struct SavedState: Hashable, Codable {
    var format = SavedState.currentFormat
    let architecture: Architecture
    /// Those that the trial was trained with; a warm start takes its own.
    let hyperparameters: Hyperparameters
    let progress: Progress
    /// Steps since the optimiser's moments were zero.
    let optimizerSteps: Int

    static let currentFormat = 2

    static let file = "state.json"
    static let tensors = "model.safetensors"
}

extension Architecture {
    /// What differs from `expected`, in words; nil where nothing does.
    func difference(from expected: Architecture) -> String? {
        let numbers = [
            ("layers", layers, expected.layers), ("width", width, expected.width),
            ("heads", heads, expected.heads), ("context", context, expected.context),
        ].filter { $0.1 != $0.2 }.map { "\($0.0): found \($0.1), expected \($0.2)" }
        let tie = tied == expected.tied ? [] : ["tied: found \(tied), expected \(expected.tied)"]
        let all = numbers + tie
        return all.isEmpty ? nil : all.joined(separator: "; ")
    }
}
