import FleetModel
import Foundation
import StudyCore

/// A schedule in the words of what is to follow it. Pure: pieces in, text out.
struct ScheduleText {
    /// Formats by their names on the command line.
    enum Format: String, CaseIterable {
        case csv, python, huggingface, megatron
    }

    /// What a format needs and the study does not have.
    struct Missing: Error, CustomStringConvertible {
        let description: String
    }

    let study: String
    let pieces: [SchedulePiece]
    /// Which parameter is the learning rate and which the batch size; nil where none is.
    let lr: String?
    let batchSize: String?
    /// Tokens of a sample.
    let sequenceLength: Int?

    /// Every parameter that some piece has, sorted.
    var names: [String] { Set(pieces.flatMap(\.params.keys)).sorted() }

    func lines(as format: Format) throws(Missing) -> [String] {
        switch format {
        case .csv: csv
        case .python: python
        case .huggingface: try huggingface()
        case .megatron: try megatron()
        }
    }

    func rate() throws(Missing) -> String {
        guard let lr else {
            throw Missing(
                description: "the study has no learning rate among \(names.joined(separator: ", ")): "
                    + "say which parameter is it with --lr")
        }
        return lr
    }

    /// A parameter's value in each piece.
    func values(of name: String) -> [ParameterValue?] { pieces.map { $0.params[name] } }

    private var csv: [String] {
        let head = ["first_step", "last_step"] + names
        let rows = pieces.map { piece in
            ["\(piece.firstStep)", "\(piece.lastStep)"] + names.map { piece.params[$0]?.description ?? "" }
        }
        return ([head] + rows).map { $0.map(Summary.quoted).joined(separator: ",") }
    }

    private var python: [String] {
        [
            "# The schedule of study \(study), found by iterhpo. Steps are optimiser steps, counted from 1.",
            "from bisect import bisect_right", "",
        ] + table(names) + [
            "", "",
            "def at(step):",
            "    \"\"\"Hyper-parameters of one optimiser step; those of the last piece afterwards.\"\"\"",
            "    piece = max(0, bisect_right(FIRST_STEPS, step) - 1)",
            "    return {name: values[piece] for name, values in VALUES.items()}",
        ]
    }

    /// `FIRST_STEPS` and `VALUES` in Python.
    func table(_ names: [String]) -> [String] {
        ["FIRST_STEPS = [\(pieces.map { "\($0.firstStep)" }.joined(separator: ", "))]", "VALUES = {"]
            + names.map { name in
                let list = values(of: name).map { $0?.python ?? "None" }.joined(separator: ", ")
                return "    \(ParameterValue.string(name).python): [\(list)],"
            } + ["}"]
    }
}

extension ParameterValue {
    /// As Python writes it.
    var python: String {
        switch self {
        case .float(let value): "\(value)"
        case .int(let value): "\(value)"
        case .bool(let value): value ? "True" : "False"
        case .string(let text):
            // A JSON string without escaped slashes is a Python string.
            (try? String(decoding: Self.encoder.encode(text), as: UTF8.self)) ?? "\"\""
        }
    }

    private static let encoder = {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return encoder
    }()
}
