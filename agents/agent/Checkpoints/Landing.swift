import FleetModel
import Glibc
import Spawn
import Wire

/// Takes chunks from a channel while others are still being verified and written.
final class Landing {
    /// Bytes of one delivery at most.
    private static let largest = 8 << 20
    /// Deliveries in memory at once.
    private static let buffers = 4

    let arrival: Arrival
    private let output: BulkOutput
    private let state: Monitor<State>

    /// Goes from the reader to one worker, each of which lets go of it before the other begins.
    private struct Delivery: @unchecked Sendable {
        let chunks: Range<Int>
        let memory: UnsafeMutableRawBufferPointer
        let count: Int
    }

    /// Used inside the monitor alone.
    private struct State: @unchecked Sendable {
        // Memory nobody uses now.
        var free: [UnsafeMutableRawBufferPointer] = []
        var made = 0
        var waiting: [Delivery] = []
        var working = 0
        var isOver = false
        var workers = 0
    }

    init(_ arrival: Arrival, _ output: BulkOutput) {
        (self.arrival, self.output) = (arrival, output)
        state = Monitor(State())
        let count = max(1, min(2, storageThreads))
        state.use { $0.workers = count }
        for _ in 0..<count { onOwnThread { [state] in Self.work(state, arrival, output) } }
    }

    deinit {
        let memory = state.use { state in
            state.isOver = true
            return state.free
        }
        state.wait { $0.workers == 0 ? () : nil }
        for buffer in memory { buffer.deallocate() }
    }

    /// Whether such a delivery can be: its chunks are, and have so many bytes.
    func expects(_ first: Int, _ count: Int, _ bytes: Int) -> Bool {
        first >= 0 && count > 0 && first <= arrival.manifest.chunkCount - count && bytes <= Self.largest
            && arrival.manifest.length(ofChunks: first..<first + count) == bytes
    }

    func take(_ first: Int, _ count: Int, _ bytes: Int, from input: inout BulkInput) throws {
        let memory = state.wait { state -> UnsafeMutableRawBufferPointer? in
            if let free = state.free.popLast() { return free }
            guard state.made < Self.buffers else { return nil }
            state.made += 1
            return .allocate(byteCount: Self.largest, alignment: 4_096)
        }
        do {
            try input.fill(UnsafeMutableRawBufferPointer(rebasing: memory[..<bytes]))
        } catch {
            state.use { $0.free.append(memory) }
            throw error
        }
        state.use {
            $0.waiting.append(Delivery(chunks: first..<first + count, memory: memory, count: bytes))
        }
    }

    /// Waits until everything that came is on the disk or was answered otherwise.
    func settle() {
        state.wait { $0.waiting.isEmpty && $0.working == 0 ? () : nil }
    }

    private static func work(_ state: Monitor<State>, _ arrival: Arrival, _ output: BulkOutput) {
        while let delivery = state.wait(for: { state -> Delivery?? in
            guard !state.waiting.isEmpty else { return state.isOver ? .some(nil) : nil }
            state.working += 1
            return state.waiting.removeFirst()
        }) {
            // A channel that is gone ends in the reader.
            try? output.say(answer(to: delivery, arrival))
            state.use {
                $0.free.append(delivery.memory)
                $0.working -= 1
            }
        }
        state.use { $0.workers -= 1 }
    }

    private static func answer(to delivery: Delivery, _ arrival: Arrival) -> BulkAnswer {
        let (first, count) = (delivery.chunks.lowerBound, delivery.chunks.count)
        var (offset, isRight) = (0, true)
        do {
            for chunk in delivery.chunks {
                let length = arrival.manifest.place(ofChunk: chunk).length
                let bytes = UnsafeRawBufferPointer(rebasing: delivery.memory[offset..<offset + length])
                if try !arrival.take(chunk, bytes) { isRight = false }
                offset += length
            }
        } catch {
            return .refused(reason: "\(error)")
        }
        return isRight ? .stored(first: first, count: count) : .damaged(first: first, count: count)
    }
}
