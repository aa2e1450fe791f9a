/// When a run logs, evaluates and saves. Megatron does each at iterations divisible by an interval, counted
/// since the model was born, and a run that ends by `--exit-interval` does nothing at its end but save: the
/// last iteration must be divisible by the others.
struct Intervals: Hashable {
    /// What the settings ask for, in steps.
    struct Wanted: Hashable {
        var log = 10
        /// nil: an eighth of the trial.
        var evaluate: Int?
        /// nil: a quarter of the trial.
        var save: Int?
    }

    let log: Int
    let evaluate: Int
    let save: Int
    /// Where the settings could not be followed.
    private(set) var notes: [String] = []

    /// - Parameters:
    ///   - first: iteration at the trial's step 0.
    ///   - steps: of the trial.
    ///   - kept: the trial's step whose state others go on from.
    init(first: Int, steps: Int, kept: Int, wanted: Wanted) {
        let last = first + steps
        log = Self.interval(wanted.log, dividing: last, alsoOf: first)
        evaluate = Self.interval(wanted.evaluate ?? max(1, steps / 8), dividing: last, alsoOf: first)
        save = Self.interval(wanted.save ?? max(1, steps / 4), dividing: first + kept, alsoOf: first)
        if let asked = wanted.evaluate, asked != evaluate {
            notes.append("evaluates every \(evaluate) iterations and not every \(asked): \(last) is the last")
        }
        if let asked = wanted.save, asked != save {
            notes.append(
                "saves every \(save) iterations and not every \(asked): \(first + kept) must be saved")
        }
    }

    /// What is wanted if it divides `number`, or a smaller interval that does. Beside a number without
    /// fitting divisors, once at the end is better than all the time.
    private static func interval(_ wanted: Int, dividing number: Int, alsoOf first: Int) -> Int {
        if number % wanted == 0 { return wanted }
        // Looked for no further down than where once at the end is better.
        let lowest = max(1, wanted / 4, wanted - 100_000)
        let divisors = stride(from: wanted, through: lowest, by: -1).filter { number % $0 == 0 }
        guard let largest = divisors.first else { return number }
        // Where the trial's first iteration is divisible too, its steps are as well.
        let common = divisors.first { first % $0 == 0 } ?? 1
        return common * 2 >= largest ? common : largest
    }
}
