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

    private static let tunable: [TrainerDescription.Setting] = {
        let usual = Recipe()
        func setting(_ name: String, _ meaning: String, _ values: (Double, Double, usual: Double))
            -> TrainerDescription.Setting
        {
            let words = [values.0, values.1, values.usual].map { Int(exactly: $0).map { "\($0)" } ?? "\($0)" }
            return .init(name, "\(meaning); from \(words[0]) to \(words[1]), \(words[2]) by default.")
        }
        return Tunables.numbers.map {
            setting($0.name, $0.meaning, ($0.range.lowerBound, $0.range.upperBound, usual[keyPath: $0.place]))
        }
            + Tunables.counts.map {
                setting(
                    $0.name, $0.meaning,
                    (
                        Double($0.range.lowerBound), Double($0.range.upperBound),
                        Double(usual[keyPath: $0.place])
                    ))
            }
    }()
}
