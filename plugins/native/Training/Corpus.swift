import FleetModel

/// The bytes to learn from and those to judge by.
struct Corpus {
    /// The heads of all files, one after another.
    let training: [UInt8]
    /// The tails of all files, one after another.
    let validation: [UInt8]

    /// The last `validationShare` of each file is for validation, so that the split is the same in every
    /// trial and both parts have every kind of text.
    init(files: [[UInt8]], validationShare: Double) {
        var (training, validation): ([UInt8], [UInt8]) = ([], [])
        for bytes in files {
            let tail = Int(Double(bytes.count) * validationShare)
            training += bytes.dropLast(tail)
            validation += bytes.suffix(tail)
        }
        self.training = training
        self.validation = validation
    }

    /// A batch of windows at random places of the training text.
    func batch(_ size: Int, context: Int, generator: inout SeededGenerator) -> Windows {
        let places = training.count - context
        precondition(places > 0, "the training text is longer than a window; `fault(context:)` checks it")
        let starts = (0..<size).map { _ in Int.random(in: 0..<places, using: &generator) }
        return Windows(text: training, starts: starts[...])
    }

    /// The same windows at every call: as many as fit into `tokens`, evenly spread, none overlapping.
    func validationWindows(context: Int, tokens: Int) -> Windows {
        let places = validation.count - context
        let count = max(1, min(tokens, validation.count - 1) / context)
        let starts = (0..<count).map { count == 1 ? 0 : $0 * (places - 1) / (count - 1) }
        return Windows(text: validation, starts: starts[...])
    }

    /// Why windows of that context cannot be taken; nil where they can.
    func fault(context: Int) -> Problem? {
        guard training.count <= context || validation.count <= context else { return nil }
        return Problem(
            at: ["data"],
            found: "\(training.count) bytes for training and \(validation.count) for validation",
            expected: "more than the context, \(context), in each: more text, or a larger validation_share")
    }
}
