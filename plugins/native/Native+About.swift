import Wire

extension Native {
    static let about = TrainerDescription(
        name: "native",
        summary: "Trains a byte-level transformer on the CPU, in the plugin itself.",
        parameters: Tunables.names,
        settings: own + tunable,
        example: """
            trainer:
              plugin: native
              settings:
                data: [/usr/share/common-licenses]
                layers: 2
                width: 64
                heads: 4
                context: 64
            """)

    private static let own: [TrainerDescription.Setting] = [
        .init("data", "Files, and folders of files, of text to learn; required."),
        .init("optimizer", "adamw (default) or sgd."),
        .init("schedule", "Of the learning rate: constant (default), linear or cosine, both down to 0."),
        .init("tied", "Whether the output layer shares the token embedding; true by default."),
        .init("validation_share", "The tail of each file that is for validation; 0.1 by default."),
        .init("validation_tokens", "The most tokens that are judged at a time; 16384 by default."),
        .init("evaluate_every", "Steps between reports; by default an eighth of the trial, at most 25."),
        .init("checkpoint_every", "Steps between checkpoints; by default only one at the end."),
        .init("threads", "By default one for each slot."),
    ]

    private static let tunable = Tunables.numbers.map(\.setting) + Tunables.counts.map(\.setting)
}

extension Tunables.Number {
    fileprivate var setting: TrainerDescription.Setting {
        let words = [range.lowerBound, range.upperBound, Recipe()[keyPath: place]].map { value in
            Int(exactly: value).map { "\($0)" } ?? "\(value)"
        }
        return .init(name, "\(meaning); from \(words[0]) to \(words[1]), \(words[2]) by default.")
    }
}

extension Tunables.Count {
    fileprivate var setting: TrainerDescription.Setting {
        let (low, high) = (range.lowerBound, range.upperBound)
        return .init(name, "\(meaning); from \(low) to \(high), \(Recipe()[keyPath: place]) by default.")
    }
}
