import FleetModel
import TrainerKit
import Wire

/// What a model is and how it is trained: settings first, then a trial's assignment over them.
struct Recipe: Hashable {
    var shape = Architecture()
    var hyper = Hyperparameters()
}

/// Every value that may stand fixed in the settings or be tuned in the space.
enum Tunables {
    struct Number: Sendable {
        let name: String
        let place: any WritableKeyPath<Recipe, Double> & Sendable
        let range: ClosedRange<Double>
        let meaning: String
    }

    struct Count: Sendable {
        let name: String
        let place: any WritableKeyPath<Recipe, Int> & Sendable
        let range: ClosedRange<Int>
        let meaning: String
    }

    static let numbers = [
        Number(name: "lr", place: \.hyper.learningRate, range: 0...1e9, meaning: "Learning rate"),
        Number(
            name: "weight_decay", place: \.hyper.weightDecay, range: 0...1e3,
            meaning: "Decoupled decay of matrices"),
        Number(
            name: "dropout", place: \.hyper.dropout, range: 0...0.95, meaning: "Share of activations dropped"),
        Number(name: "momentum", place: \.hyper.momentum, range: 0...0.9999, meaning: "Of sgd"),
        Number(name: "beta1", place: \.hyper.beta1, range: 0...0.9999, meaning: "Of adamw"),
        Number(name: "beta2", place: \.hyper.beta2, range: 0...0.999999, meaning: "Of adamw"),
        Number(
            name: "grad_clip", place: \.hyper.gradientClip, range: 0...1e9,
            meaning: "Longest gradient, 0 for no limit"),
    ]

    static let counts = [
        Count(name: "batch_size", place: \.hyper.batchSize, range: 1...65536, meaning: "Sequences in a step"),
        Count(
            name: "warmup_steps", place: \.hyper.warmupSteps, range: 0...1_000_000_000,
            meaning: "Steps of linear warm-up"),
        Count(name: "layers", place: \.shape.layers, range: 1...256, meaning: "Transformer blocks"),
        Count(
            name: "width", place: \.shape.width, range: 8...16384,
            meaning: "Floats for each token, a multiple of 8 and of heads"),
        Count(name: "heads", place: \.shape.heads, range: 1...256, meaning: "Attention heads"),
        Count(name: "context", place: \.shape.context, range: 1...8192, meaning: "Tokens in a sequence"),
    ]

    /// Values that are words; a space gives them as categorical choices.
    static let words = ["optimizer": OptimizerKind.names, "schedule": Schedule.names]

    static var names: [String] { numbers.map(\.name) + counts.map(\.name) + words.keys.sorted() }

    /// What kind of parameter `name` may be in a space; nil for a name that is not here.
    static func kinds(of name: String) -> [PluginCheck.Kind]? {
        if numbers.contains(where: { $0.name == name }) { return [.float, .int, .categorical] }
        if counts.contains(where: { $0.name == name }) { return [.int, .categorical] }
        return words[name] == nil ? nil : [.categorical]
    }
}

extension CaseIterable where Self: RawRepresentable<String> {
    static var names: [String] { allCases.map(\.rawValue) }
}

extension Recipe {
    /// The fixed values.
    init(settings: inout SettingsReader) {
        for number in Tunables.numbers {
            let value = settings.double(number.name, default: self[keyPath: number.place], in: number.range)
            self[keyPath: number.place] = value
        }
        for count in Tunables.counts {
            let value = settings.int(count.name, default: self[keyPath: count.place], in: count.range)
            self[keyPath: count.place] = value
        }
        hyper.optimizer = settings.word("optimizer", default: hyper.optimizer)
        hyper.schedule = settings.word("schedule", default: hyper.schedule)
        shape.tied = settings.bool("tied", default: shape.tied)
        // Where only one of the two stands here, the other may be in the space.
        if settings.has("width"), settings.has("heads"), let fault = shape.fault {
            settings.complain(at: ["width"], found: fault.found, expected: fault.expected)
        }
    }

    /// The recipe of a trial.
    func applying(_ assignment: Assignment) throws(Problem) -> Recipe {
        var recipe = self
        for (name, value) in assignment.sorted(by: { $0.key < $1.key }) {
            try recipe.set(name, value)
        }
        if let fault = recipe.shape.fault { throw fault }
        return recipe
    }

    private mutating func set(_ name: String, _ value: ParameterValue) throws(Problem) {
        if let number = Tunables.numbers.first(where: { $0.name == name }) {
            guard let given = value.number, number.range.contains(given) else {
                throw Problem(at: [name], found: "\(value)", expected: "a number in \(number.range)")
            }
            self[keyPath: number.place] = given
        } else if let count = Tunables.counts.first(where: { $0.name == name }) {
            guard let given = value.number.flatMap(Int.init(exactly:)), count.range.contains(given) else {
                throw Problem(at: [name], found: "\(value)", expected: "a whole number in \(count.range)")
            }
            self[keyPath: count.place] = given
        } else {
            try setWord(name, "\(value)")
        }
    }

    private mutating func setWord(_ name: String, _ word: String) throws(Problem) {
        guard let choices = Tunables.words[name] else {
            throw Problem(
                at: [name], found: name,
                expected: "a parameter of native: \(Tunables.names.joined(separator: ", "))",
                nearest: nearestName(to: name, among: Tunables.names), isAboutKey: true)
        }
        switch (name, OptimizerKind(rawValue: word), Schedule(rawValue: word)) {
        case ("optimizer", let kind?, _): hyper.optimizer = kind
        case ("schedule", _, let schedule?): hyper.schedule = schedule
        default:
            throw Problem(at: [name], found: word, expected: "one of \(choices.joined(separator: ", "))")
        }
    }
}

extension Architecture {
    /// Why no model can have this shape; nil where one can.
    var fault: Problem? {
        guard width % heads != 0 || width % 8 != 0 else { return nil }
        return Problem(
            at: ["width"], found: "\(width) with \(heads) heads",
            expected: "a multiple of 8 and of heads: change width or heads")
    }
}

extension SettingsReader {
    fileprivate mutating func word<Word: CaseIterable & RawRepresentable<String>>(
        _ name: String, default value: Word
    ) -> Word {
        Word(rawValue: choice(name, among: Word.names, default: value.rawValue)) ?? value
    }
}
