import FleetModel
import StudyCore

extension Override {
    /// What may be changed once a study runs: the whole of these, or what stands below them.
    private static let changeable = [
        ["trainer", "settings"], ["trainer", "silence_seconds"], ["trainer", "grace_seconds"], ["budget"],
        ["resources"], ["checkpoints"], ["sampler"], ["pruner"], ["method", "stages"], ["method", "steps"],
        ["method", "growth_steps"], ["method", "raise_steps"], ["method", "depth"],
    ]

    /// Settings that a model's shape follows from, as the trainers that we know call them. No checkpoint fits
    /// another shape.
    private static let shapes: Set<String> = [
        "layers", "width", "heads", "context", "tied", "model", "num-layers", "hidden-size",
        "ffn-hidden-size", "num-attention-heads", "num-query-groups", "kv-channels", "seq-length",
        "max-position-embeddings", "vocab-size", "num_layers", "num_hidden_layers", "hidden_size",
        "num_attention_heads", "n_layer", "n_head", "n_embd", "intermediate_size", "vocab_size",
    ]

    /// What is wrong with an override, as a sentence.
    struct Wrong: Error, CustomStringConvertible {
        let description: String
    }

    /// `budget.gpu_hours=40`: a path of names with dots, and a value as a study file writes it.
    init(parsing text: String) throws(Wrong) {
        guard let sign = text.firstIndex(of: "="), sign != text.startIndex else {
            throw Wrong(
                description: "--override \(text): expected a path and a value, as in budget.gpu_hours=40")
        }
        let path = text[..<sign].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard Self.changeable.contains(where: { path.starts(with: $0) }), !path.contains("") else {
            let names = Self.changeable.map { $0.joined(separator: ".") }.joined(separator: ", ")
            throw Wrong(
                description:
                    "--override \(text): \(path.joined(separator: ".")) cannot change once a study has "
                    + "begun, only \(names); `coordinator fork` begins another study")
        }
        if path.starts(with: ["trainer", "settings"]), let word = path.last, Self.shapes.contains(word) {
            throw Wrong(
                description: "--override \(text): \(word) changes the model's shape, which the study's "
                    + "checkpoints do not fit: begin another study")
        }
        do {
            self.init(
                path: path, value: try YAMLDocument(parsing: String(text[text.index(after: sign)...])).value)
        } catch {
            throw Wrong(
                description:
                    "--override \(text): the value is not as a study file writes it: \(error.problem)")
        }
    }

    /// `budget.gpu_hours=40`.
    var words: String { path.joined(separator: ".") + "=" + value.yaml }
}

extension [Override] {
    /// A study file's value with these in their places.
    func applied(to file: JSON) -> JSON {
        reduce(file) { $0.setting($1.path[...], to: $1.value) }
    }

    /// These and another, which goes before one of the same place.
    func with(_ new: Override) -> [Override] { filter { $0.path != new.path } + [new] }
}

extension JSON {
    fileprivate func setting(_ path: ArraySlice<String>, to value: JSON) -> JSON {
        guard let name = path.first else { return value }
        var members: [String: JSON] = [:]
        if case .object(let mine) = self { members = mine }
        members[name] = (members[name] ?? .null).setting(path.dropFirst(), to: value)
        return .object(members)
    }

    /// One line, as a study file may write it.
    fileprivate var yaml: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .int(let value): "\(value)"
        case .double(let value): "\(value)"
        case .string(let text): text
        case .array(let items): "[" + items.map(\.yaml).joined(separator: ", ") + "]"
        case .object(let members):
            "{ "
                + members.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.yaml)" }
                .joined(separator: ", ") + " }"
        }
    }
}
