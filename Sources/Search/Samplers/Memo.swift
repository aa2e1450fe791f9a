/// What a sampler remembers only to be fast: something that follows from the beginning of a history that it
/// has seen. So it may be lost at any time: it is never written down, and all memos are equal.
struct Memo<Value: Sendable>: Hashable, Codable, Sendable {
    var value: Value?

    init() {}

    init(from decoder: any Decoder) {}

    func encode(to encoder: any Encoder) {}

    static func == (a: Memo, b: Memo) -> Bool { true }

    func hash(into hasher: inout Hasher) {}
}

// Chosen by the compiler over the general ones for a property that is a memo: its key does not even appear.
extension KeyedEncodingContainer {
    mutating func encode<Value>(_ memo: Memo<Value>, forKey key: Key) {}
}

extension KeyedDecodingContainer {
    func decode<Value>(_ type: Memo<Value>.Type, forKey key: Key) -> Memo<Value> { Memo() }
}
