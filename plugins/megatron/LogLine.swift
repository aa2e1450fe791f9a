import FleetModel

/// What one line of Megatron-LM's output says. A line may hold several records, or pieces of them: ranks
/// share one pipe, and their lines may be glued together or cut into each other. A record counts only when it
/// is whole.
///
/// Formats: megatron/training/training.py (`training_log`, `evaluate_and_print_results`) and
/// megatron/training/utils.py (`report_memory`), 2024 to core 0.20.
enum LogLine {
    static func records(in line: String) -> [LogRecord] {
        // Most lines of a trainer are none of ours.
        guard line.contains(" | ") || line.hasSuffix(" |") else { return [] }
        return pieces(of: line[...]).compactMap { piece in
            if let fields = fields(of: piece) { return record(fields) }
            return nil
        }
    }

    /// Where records begin.
    private static let heads = ["iteration ", "validation loss at iteration ", "[Rank "]

    /// The line, cut before each head of a record.
    private static func pieces(of line: Substring) -> [Substring] {
        var starts: [Substring.Index] = []
        for head in heads {
            var rest = line
            while let found = rest.firstRange(of: head) {
                if isHead(head, at: found.lowerBound, in: line) { starts.append(found.lowerBound) }
                rest = rest[found.upperBound...]
            }
        }
        starts.sort()
        return zip(starts, starts.dropFirst() + [line.endIndex]).map { line[$0..<$1] }
    }

    /// `validation loss at iteration 100` holds the head `iteration `, which is none there; neither are
    /// `number of skipped iterations` and `elapsed time per iteration (ms)`.
    private static func isHead(_ head: String, at place: Substring.Index, in line: Substring) -> Bool {
        guard head == "iteration " else { return true }
        let next = line[place...].dropFirst(head.count).drop { $0 == " " }.first
        return next?.isNumber == true && !line[..<place].hasSuffix("loss at ")
    }

    /// Head and fields of a record, where no field is damaged. What another rank wrote after the record's end is
    /// none of its fields; a memory line has no mark at its end, and keeps what stands before the damage.
    private static func fields(of piece: Substring) -> (head: Substring, fields: [String: Double])? {
        let parts = piece.split(separator: "|", omittingEmptySubsequences: false)
        var fields: [String: Double] = [:]
        for part in parts.dropFirst() {
            let text = part.trimmed
            if text.isEmpty { continue }
            guard let colon = text.lastIndex(of: ":"),
                let value = Double(text[text.index(after: colon)...].trimmed)
            else { return parts[0].hasPrefix("[Rank ") ? (parts[0], fields) : nil }
            let name = String(text[..<colon].trimmed)
            if fields.updateValue(value, forKey: name) != nil { return nil }
            if name == Name.end { break }
        }
        return (parts[0], fields)
    }

    private static func record(_ record: (head: Substring, fields: [String: Double])) -> LogRecord? {
        let (head, fields) = record
        if head.hasPrefix("iteration ") {
            return TrainingLine(head: head.dropFirst(10), fields).map(LogRecord.training)
        }
        if head.hasPrefix("[Rank ") { return memory(fields) }
        return validation(head.dropFirst("validation loss at iteration ".count), fields)
    }

    private static func validation(_ head: Substring, _ fields: [String: Double]) -> LogRecord? {
        let words = head.split(separator: " ")
        guard let iteration = words.first.flatMap({ Int($0) }), !fields.isEmpty else { return nil }
        let losses = fields.filter { $0.key.hasSuffix(" value") }
        // A loss is whole when its perplexity follows.
        let areWhole = losses.keys.allSatisfy { fields[$0.dropLast(5) + "PPL"] != nil }
        guard !losses.isEmpty, areWhole else { return nil }
        let isTest = words.dropFirst().elementsEqual(["on", "test", "set"])
        return .validation(
            iteration: iteration, isTest: isTest,
            losses: Dictionary(uniqueKeysWithValues: losses.map { (String($0.key.dropLast(6)), $0.value) }))
    }

    /// The peak is whole when another field follows it.
    private static func memory(_ fields: [String: Double]) -> LogRecord? {
        guard let peak = fields["max allocated"], fields["reserved"] != nil else { return nil }
        return .memory(peakMiB: peak)
    }

    /// What each pipeline and tensor rank of the first replica says of its part of the model before the
    /// training; of the first of them.
    static func parameters(in line: String) -> Int? {
        let head = "number of parameters on (tensor, pipeline) model parallel rank (0, 0): "
        guard let place = line.firstRange(of: head) else { return nil }
        return Int(line[place.upperBound...].trimmed)
    }

    /// Names of fields as Megatron writes them.
    enum Name {
        static let samples = "consumed samples"
        static let milliseconds = "elapsed time per iteration (ms)"
        static let batch = "global batch size"
        static let rate = "learning rate"
        static let skipped = "number of skipped iterations"
        /// Always the last.
        static let end = "number of nan iterations"
    }
}

/// A whole record.
enum LogRecord: Hashable {
    case training(TrainingLine)
    /// Losses by Megatron's name, `lm loss` among them. `iteration` counts since the model was born.
    case validation(iteration: Int, isTest: Bool, losses: [String: Double])
    case memory(peakMiB: Double)
}

/// The line that the last rank prints every `--log-interval` iterations.
struct TrainingLine: Hashable {
    /// Since the model was born.
    let iteration: Int
    /// Of the last iteration: `--train-iters`, or what `--train-samples` come to.
    let last: Int
    private let readings: [String: Reading]

    /// nil where a field is missing that every version prints.
    init?(head: Substring, _ fields: [String: Double]) {
        let numbers = head.split(separator: "/").map { Int($0.trimmed) }
        guard numbers.count == 2, let iteration = numbers[0], let last = numbers[1] else { return nil }
        let always = [
            LogLine.Name.samples, LogLine.Name.milliseconds, LogLine.Name.batch, LogLine.Name.skipped,
            LogLine.Name.end,
        ]
        guard always.allSatisfy({ fields[$0] != nil }) else { return nil }
        self.iteration = iteration
        self.last = last
        readings = fields.mapValues { Reading($0) }
    }

    subscript(name: String) -> Double? { readings[name].map(\.double) }

    var fields: [String: Double] { readings.mapValues(\.double) }

    var skipped: Int { self[LogLine.Name.skipped].flatMap { Int(exactly: $0) } ?? 0 }

    /// Megatron leaves a loss out that is no number (`if avg >= 0.0`): all of a line's are then missing. Where
    /// every iteration of the interval was skipped (a loss scale that is still being found) they are missing
    /// too, and that is no fault.
    var isDiverged: Bool {
        guard let loss = self["lm loss"] else { return skipped == 0 }
        return !loss.isFinite
    }
}

extension Reading {
    fileprivate var double: Double {
        switch self {
        case .value(let number): number
        case .notFinite(.nan): .nan
        case .notFinite(.positiveInfinity): .infinity
        case .notFinite(.negativeInfinity): -.infinity
        }
    }
}

extension Substring {
    var trimmed: Substring {
        var text = self
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
