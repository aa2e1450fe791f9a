import FleetModel
import Glibc
import Spawn
import Wire

/// Takes chunks from a channel while others are still being verified and written.
///
/// Each is read, hashed and written while the processor has it in its cache: whoever reads the channel does the
/// rest too where the workers have enough to do. One thread at a time writes, and the others leave it what they
/// have verified: threads that write into one file spin in the kernel until it is their turn.
final class Landing {
    /// Bytes of one delivery at most.
    private static let largest = 8 << 20
    private static let workers = max(1, min(2, storageThreads - 1))
    /// Chunks that wait for a worker at most.
    private static let mostWaiting = 2 * workers
    /// Chunks in memory at most; the channel is read no further then.
    private static let mostInMemory = 4 * workers + 4

    let arrival: Arrival
    private let output: BulkOutput
    private let state: Monitor<State>

    /// What one request brings, until it is answered.
    private final class Delivery: Sendable {
        private let chunks: Range<Int>
        private let answer: Monitor<(left: Int, BulkAnswer)>

        init(_ chunks: Range<Int>) {
            self.chunks = chunks
            let stored = BulkAnswer.stored(first: chunks.lowerBound, count: chunks.count)
            answer = Monitor((chunks.count, stored))
        }

        /// One of its chunks was stored, or was not what the manifest says, or could not be; the answer after the
        /// last one of them.
        func end(with result: Result<Bool, any Error>) -> BulkAnswer? {
            answer.use { answer in
                answer.left -= 1
                switch result {
                case .success(true): break
                case .success(false):
                    answer.1 = .damaged(first: chunks.lowerBound, count: chunks.count)
                case .failure(let fault): answer.1 = .refused(reason: "\(fault)")
                }
                return answer.left == 0 ? answer.1 : nil
            }
        }
    }

    /// Goes from the reader to who verifies it and on to who writes it, each of whom lets go of its memory before the
    /// next begins.
    private struct Piece: @unchecked Sendable {
        let delivery: Delivery
        let chunk: Int
        let length: Int
        let memory: UnsafeMutableRawBufferPointer

        var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<length]) }
    }

    /// Used inside the monitor alone.
    private struct State: @unchecked Sendable {
        // Memory for a chunk that nobody uses now, and how many there are of it.
        var free: [UnsafeMutableRawBufferPointer] = []
        var allocated = 0
        var waiting: [Piece] = []
        // Whoever writes will write them.
        var verified: [(piece: Piece, checksum: Checksum)] = []
        var isWriting = false
        // Deliveries without an answer.
        var open = 0
        var isOver = false
        var workers = Landing.workers

        /// nil where all there may be is in use.
        mutating func takeMemory() -> UnsafeMutableRawBufferPointer? {
            if let memory = free.popLast() { return memory }
            guard allocated < Landing.mostInMemory else { return nil }
            allocated += 1
            return .allocate(byteCount: Manifest.chunkSize, alignment: 4_096)
        }

        /// The next one to write for the thread that does; nil where all are written, and nobody writes then.
        mutating func takeVerified() -> (piece: Piece, checksum: Checksum)? {
            isWriting = !verified.isEmpty
            return isWriting ? verified.removeFirst() : nil
        }
    }

    init(_ arrival: Arrival, _ output: BulkOutput) {
        (self.arrival, self.output) = (arrival, output)
        state = Monitor(State())
        for _ in 0..<Self.workers { onOwnThread { [state] in Self.work(state, arrival, output) } }
    }

    deinit {
        state.use { $0.isOver = true }
        for memory in state.wait(for: { $0.workers == 0 ? $0.free : nil }) { memory.deallocate() }
    }

    /// Whether such a delivery can be: its chunks are, and have so many bytes.
    func expects(_ first: Int, _ count: Int, _ bytes: Int) -> Bool {
        first >= 0 && count > 0 && first <= arrival.manifest.chunkCount - count && bytes <= Self.largest
            && arrival.manifest.length(ofChunks: first..<first + count) == bytes
    }

    func take(_ first: Int, _ count: Int, from input: inout BulkInput) throws {
        let delivery = Delivery(first..<first + count)
        state.use { $0.open += 1 }
        for chunk in first..<first + count {
            let memory = state.wait { $0.takeMemory() }
            let length = arrival.manifest.place(ofChunk: chunk).length
            do {
                try input.fill(UnsafeMutableRawBufferPointer(rebasing: memory[..<length]))
            } catch {
                state.use { $0.free.append(memory) }
                throw error
            }
            let piece = Piece(delivery: delivery, chunk: chunk, length: length, memory: memory)
            let isLeft = state.use { state in
                guard state.waiting.count < Self.mostWaiting else { return true }
                state.waiting.append(piece)
                return false
            }
            if isLeft { Self.store(piece, state, arrival, output) }
        }
    }

    /// Waits until everything that came is on the disk or was answered otherwise.
    func settle() { state.wait { $0.open == 0 ? () : nil } }

    private static func work(_ state: Monitor<State>, _ arrival: Arrival, _ output: BulkOutput) {
        while let piece = state.wait(for: { state -> Piece?? in
            guard !state.waiting.isEmpty else { return state.isOver ? .some(nil) : nil }
            return state.waiting.removeFirst()
        }) {
            store(piece, state, arrival, output)
        }
        state.use { $0.workers -= 1 }
    }

    /// Verifies a chunk, and writes what is verified if nobody does.
    private static func store(
        _ piece: Piece, _ state: Monitor<State>, _ arrival: Arrival, _ output: BulkOutput
    ) {
        guard let checksum = arrival.verify(piece.chunk, piece.bytes) else {
            return end(piece, with: .success(false), state, output)
        }
        var next = state.use { state in
            state.verified.append((piece, checksum))
            return state.isWriting ? nil : state.takeVerified()
        }
        while let (piece, checksum) = next {
            let result = Result { try arrival.write(piece.chunk, piece.bytes, checksum) }
            end(piece, with: result.map { true }, state, output)
            next = state.use { $0.takeVerified() }
        }
    }

    /// Answers the request whose last chunk this was, and lets go of its memory.
    private static func end(
        _ piece: Piece, with result: Result<Bool, any Error>, _ state: Monitor<State>, _ output: BulkOutput
    ) {
        let answer = piece.delivery.end(with: result)
        // A channel that is gone ends in the reader.
        if let answer { try? output.say(answer) }
        state.use {
            $0.free.append(piece.memory)
            if answer != nil { $0.open -= 1 }
        }
    }
}
