import Synchronization

/// Some bytes on their way from one agent to others; its memory serves again once nobody needs it.
///
/// Unchecked: whoever fills it does so before anyone else has it, and nobody writes into it after that.
final class Piece: @unchecked Sendable {
    let memory: UnsafeMutableRawBufferPointer
    private let whole: UnsafeMutableRawBufferPointer
    private let home: Pieces

    fileprivate init(_ count: Int, of whole: UnsafeMutableRawBufferPointer, home: Pieces) {
        memory = UnsafeMutableRawBufferPointer(rebasing: whole[..<count])
        (self.whole, self.home) = (whole, home)
    }

    deinit { home.take(back: whole) }
}

/// Memory for what is under way. It is used again and again: fresh memory costs a page fault for each 4 KiB, and
/// is in no cache.
final class Pieces: Sendable {
    /// Bytes of a piece at most. Fewer would wake whoever sends them more often, more leave the caches.
    static let size = 256 << 10

    /// Used inside the lock alone.
    private struct Free: @unchecked Sendable {
        var memory: [UnsafeMutableRawBufferPointer] = []
    }

    private let free = Mutex(Free())

    deinit { free.withLock { for memory in $0.memory { memory.deallocate() } } }

    /// A piece of so many bytes, with anything in it.
    func piece(of count: Int) -> Piece {
        let memory = free.withLock { free in free.memory.popLast() }
        return Piece(count, of: memory ?? .allocate(byteCount: Self.size, alignment: 4_096), home: self)
    }

    fileprivate func take(back memory: UnsafeMutableRawBufferPointer) {
        free.withLock { $0.memory.append(memory) }
    }
}
