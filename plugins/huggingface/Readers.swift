import FleetModel
import FoundationEssentials
import TrainerKit

/// Reads what the Python module writes, one JSON object a line.
struct ModuleReader: LineReader {
    let reports: String

    private struct Line: Decodable {
        struct Saved: Decodable {
            let step: Int
            let folder: String
        }

        let step: Int?
        let metrics: [String: Reading]?
        let checkpoint: Saved?
        let note: String?
    }

    func signals(in line: String, from stream: OutputStream) -> [Signal] {
        guard stream == .file(reports), let line = try? JSONDecoder().decode(Line.self, from: Data(line.utf8))
        else { return [] }
        if let step = line.step, let metrics = line.metrics {
            return [.report(Report(step: step, metrics: metrics))]
        }
        return (line.checkpoint.map { [.checkpoint(step: $0.step, folder: $0.folder)] } ?? [])
            + (line.note.map { [.note($0)] } ?? [])
    }
}

/// Reads the dicts that the Trainer prints where the module is not wanted: `{'loss': 2.1, …}` of 4.x and
/// `{'loss': '2.1', …}` of 5.x. No step stands on a line, so lines of the training loss are counted.
struct LogReader: LineReader {
    /// Steps between two lines of the training loss.
    let every: Int
    /// Of the last such line.
    var step: Int

    mutating func signals(in line: String, from stream: OutputStream) -> [Signal] {
        guard stream == .standardOutput, let metrics = Self.dictionary(line),
            metrics["train_runtime"] == nil || metrics["loss"] != nil
        else { return [] }
        if metrics["loss"] != nil { step += every }
        guard step > 0, metrics["loss"] != nil || metrics.keys.contains(where: { $0.hasPrefix("eval_") })
        else { return [] }
        return [.report(step: step, metrics: metrics)]
    }

    /// A value of Python's, as far as it is a number.
    private struct Printed: Decodable {
        let number: Double?

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            number = (try? value.decode(Double.self)) ?? (try? value.decode(String.self)).flatMap(Double.init)
        }
    }

    /// The numbers of a printed dict; nil where the line is none.
    private static func dictionary(_ line: String) -> [String: Double]? {
        guard line.hasPrefix("{'"), line.hasSuffix("}") else { return nil }
        let text = line.replacing(": nan", with: ": NaN").replacing(": inf", with: ": Infinity")
            .replacing(": -inf", with: ": -Infinity").replacing(": None", with: ": null")
        // JSON5 knows single quotes and NaN.
        let decoder = JSONDecoder()
        decoder.allowsJSON5 = true
        guard let values = try? decoder.decode([String: Printed].self, from: Data(text.utf8)) else {
            return nil
        }
        return values.compactMapValues(\.number)
    }
}
