/// An option of a sampler or a pruner, as `--sampler-option` and `--pruner-option` set it.
struct NumericOption: Sendable {
    let name: String
    /// Where it is not given; nil where that follows from the study.
    let usual: Double?
    let range: ClosedRange<Double>
    let isWhole: Bool

    static func whole(_ name: String, _ usual: Int?, _ range: ClosedRange<Int>) -> NumericOption {
        NumericOption(
            name: name, usual: usual.map(Double.init),
            range: Double(range.lowerBound)...Double(range.upperBound),
            isWhole: true)
    }

    static func number(_ name: String, _ usual: Double, _ range: ClosedRange<Double>) -> NumericOption {
        NumericOption(name: name, usual: usual, range: range, isWhole: false)
    }

    fileprivate func value(of text: String) throws(BadOption) -> Double {
        guard let value = Double(text), range.contains(value), !isWhole || value == value.rounded() else {
            let kind = isWhole ? "a whole number" : "a number"
            let (low, high) =
                isWhole
                ? ("\(Int(range.lowerBound))", "\(Int(range.upperBound))")
                : ("\(range.lowerBound)", "\(range.upperBound)")
            throw BadOption("\(name) is \(text), expected \(kind) from \(low) to \(high)")
        }
        return value
    }
}

/// What is wrong with the options of the command line.
struct BadOption: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// One sampler or pruner that can be chosen by name.
struct Choice<Value: Sendable>: Sendable {
    let name: String
    var options: [NumericOption] = []
    /// Whether trials may come to a pause and be given again.
    var pauses = false
    let make: @Sendable (_ options: [String: Double], _ study: Surroundings) throws(BadOption) -> Value

    /// What else a sampler or pruner is made from.
    struct Surroundings: Sendable {
        let file: SpaceFile
        let seed: UInt64
    }
}

/// A sampler or pruner that was chosen, with its options.
struct Chosen<Value: Sendable> {
    let name: String
    let options: [String: Double]
    let pauses: Bool
    let value: Value

    /// - Parameter words: `K=V` each.
    /// - Throws: a sentence that names what is known.
    init(
        _ kind: String, name: String, options words: [String], among choices: [Choice<Value>],
        _ surroundings: Choice<Value>.Surroundings
    ) throws(BadOption) {
        guard let choice = choices.first(where: { $0.name == name }) else {
            let names = choices.map(\.name).joined(separator: ", ")
            throw BadOption("--\(kind) is \(name), expected one of \(names)")
        }
        do {
            options = try Self.options(words, known: choice)
            value = try choice.make(options, surroundings)
        } catch {
            throw BadOption("--\(kind)-option for \(name): \(error)")
        }
        self.name = name
        pauses = choice.pauses
    }

    private static func options(
        _ words: [String], known choice: Choice<Value>
    ) throws(BadOption) -> [String: Double] {
        var options: [String: Double] = [:]
        for option in choice.options { options[option.name] = option.usual }
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw BadOption("\(word): expected NAME=VALUE") }
            guard let option = choice.options.first(where: { $0.name == parts[0] }) else {
                let names = choice.options.map(\.name).joined(separator: ", ")
                throw BadOption(
                    "\(parts[0]) is unknown; " + (names.isEmpty ? "it has no options" : "it has \(names)"))
            }
            options[option.name] = try option.value(of: String(parts[1]))
        }
        return options
    }
}
