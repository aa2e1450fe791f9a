import FleetModel
import TrainerKit

/// `tokenizer: { type: NullTokenizer, vocab_size: 50256 }`
struct Tokenizer: Hashable {
    let flags: [String]

    init(_ settings: inout SettingsReader) {
        var flags = ["--tokenizer-type", settings.string("type")]
        if let size = settings.optionalInt("vocab_size", in: 1...) { flags += ["--vocab-size", "\(size)"] }
        // A model may be a name at a hub as well as a path.
        if settings.has("model") { flags += ["--tokenizer-model", settings.string("model")] }
        for (name, flag) in [("vocab_file", "--vocab-file"), ("merge_file", "--merge-file")] {
            if let path = settings.optionalPath(name, .unchecked) { flags += [flag, path] }
        }
        self.flags = flags
    }
}

/// `data: mock`, a prefix, or a list of prefixes, each perhaps with a weight:
/// `[{ prefix: ~/a, weight: 0.7 }, { prefix: ~/b, weight: 0.3 }]` or, as Megatron writes it,
/// `[0.7, ~/a, 0.3, ~/b]`.
struct DataSource: Hashable {
    private(set) var flags: [String] = []

    static func read(_ name: String, _ settings: inout SettingsReader) -> DataSource {
        var source = DataSource()
        switch settings.value(name) {
        case .string("mock")?: source.flags = ["--mock-data"]
        case .string(let prefix)?:
            source.flags = ["--data-path", absolutePath(prefix, from: settings.baseFolder)]
        case .array(let items)? where !items.isEmpty:
            source.flags = ["--data-path"] + words(items, name, &settings)
        case let other:
            settings.complain(
                at: [name], found: other?.kind ?? "nothing",
                expected: "mock, or prefixes of indexed data (without .bin and .idx), with weights or without"
            )
        }
        return source
    }

    private static func words(_ items: [JSON], _ name: String, _ settings: inout SettingsReader) -> [String] {
        items.enumerated().flatMap { index, item -> [String] in
            switch item {
            case .int, .double: return [item.scalarText ?? ""]
            case .string(let prefix): return [absolutePath(prefix, from: settings.baseFolder)]
            case .object(let members):
                if case .string(let prefix)? = members["prefix"],
                    members.keys.allSatisfy(["prefix", "weight"].contains)
                {
                    let weight = members["weight"]?.scalarText.map { [$0] } ?? []
                    return weight + [absolutePath(prefix, from: settings.baseFolder)]
                }
                fallthrough
            default:
                settings.complain(
                    at: [name, "\(index)"], found: item.kind,
                    expected: "a prefix, a weight, or { prefix: …, weight: … }")
                return []
            }
        }
    }
}
