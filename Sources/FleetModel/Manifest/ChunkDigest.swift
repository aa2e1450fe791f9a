/// A SHA-256.
public struct ChunkDigest: Hashable, Sendable, CustomStringConvertible {
    /// Bytes of one.
    public static let size = 32

    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// - Parameter bytes: exactly `size`.
    public init(_ bytes: some Collection<UInt8>) {
        precondition(bytes.count == Self.size, "a SHA-256 has \(Self.size) bytes")
        var words: [UInt64] = [0, 0, 0, 0]
        for (index, byte) in bytes.enumerated() { words[index / 8] = words[index / 8] << 8 | UInt64(byte) }
        self.words = (words[0], words[1], words[2], words[3])
    }

    public var bytes: [UInt8] {
        [words.0, words.1, words.2, words.3].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) }
        }
    }

    /// 64 hexadecimal digits.
    public var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    public static func == (a: ChunkDigest, b: ChunkDigest) -> Bool { a.words == b.words }

    public func hash(into hasher: inout Hasher) {
        // The words of a digest are as good as any hash of them.
        hasher.combine(words.0)
    }
}
