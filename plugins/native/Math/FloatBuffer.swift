import Glibc

typealias Floats = UnsafeMutablePointer<Float>

/// Eight floats at a time: what every elementwise loop here moves by. Widths are multiples of eight, so
/// that no row has a rest.
typealias Lanes = SIMD8<Float>

extension UnsafeMutablePointer where Pointee == Float {
    /// The eight floats from `index` on.
    subscript(lanes index: Int) -> Lanes {
        @inline(__always) get { UnsafeRawPointer(self + index).loadUnaligned(as: Lanes.self) }
        @inline(__always) nonmutating set {
            UnsafeMutableRawPointer(self + index).storeBytes(of: newValue, as: Lanes.self)
        }
    }
}

/// Float memory, zero at first, on a cache line's boundary, of fixed size; freed with its owner.
///
/// `@unchecked Sendable`: the threads of a training step read it together, and write only buffers or parts
/// that belong to them alone until the step's threads have been joined (`inParallel`).
final class FloatBuffer: @unchecked Sendable {
    let start: Floats
    let count: Int

    init(count: Int) throws(OutOfMemory) {
        self.count = count
        let bytes = max(64, (count * 4 + 63) & ~63)
        guard let memory = aligned_alloc(64, bytes) else { throw OutOfMemory(bytes: bytes) }
        memset(memory, 0, bytes)
        start = memory.bindMemory(to: Float.self, capacity: count)
    }

    deinit { free(start) }

    func clear() { start.update(repeating: 0, count: count) }

    /// Adds `other`, element by element; both have the same size, a multiple of eight.
    func add(_ other: FloatBuffer) {
        for i in stride(from: 0, to: count, by: 8) {
            start[lanes: i] += other.start[lanes: i]
        }
    }

    /// Square root of the sum of squares.
    func norm() -> Double {
        var total = 0.0
        for chunk in stride(from: 0, to: count, by: 4096) {
            var sum = Lanes.zero
            for i in stride(from: chunk, to: min(chunk + 4096, count), by: 8) {
                let value = start[lanes: i]
                sum += value * value
            }
            total += Double(sum.sum())
        }
        return total.squareRoot()
    }
}

/// The machine does not give that much memory for a model of this size.
struct OutOfMemory: Error, CustomStringConvertible {
    let bytes: Int

    var description: String { "Cannot allocate memory: \(bytes >> 20) MiB of model or activations" }
}

/// Hands out parts of one buffer that is allocated once; each part starts on a cache line's boundary.
struct Arena {
    private var cursor = 0
    private let base: Floats?

    /// Only counts, where `base` is nil.
    init(base: Floats?) {
        self.base = base
    }

    var used: Int { cursor }

    mutating func take(_ count: Int) -> Floats {
        defer { cursor += (count + 15) & ~15 }
        // While counting, the pointer is never followed.
        return (base ?? Floats(bitPattern: 64)!) + cursor
    }
}
