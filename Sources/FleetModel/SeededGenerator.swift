/// The one source of randomness: SplitMix64 (Steele, Lea, Flood 2014), eight bytes of state that are saved
/// with whatever they drive, so that a replay draws the same numbers.
public struct SeededGenerator: RandomNumberGenerator, Hashable, Codable, Sendable {
    private var state: UInt64

    public init(seed: UInt64) {
        state = seed
    }

    /// A generator for one purpose among many: independent streams for different `stream`s of one seed.
    public init(seed: UInt64, stream: UInt64) {
        var mixer = SeededGenerator(seed: stream)
        self.init(seed: seed ^ mixer.next())
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Uniform in [0, 1), 53 bits.
    public mutating func unit() -> Double {
        Double(next() >> 11) * 0x1p-53
    }
}
