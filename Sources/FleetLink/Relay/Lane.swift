import FleetModel
import Spawn
import Wire

/// The way to one destination of a relay: what is to be sent waits here, and a thread sends it.
final class Lane: Sendable {
    /// Batches that are sent before the first of them is acknowledged.
    static let window = 4
    /// What waits here at most, before whoever reads the source has to wait too. Bytes.
    private static let capacity = 8 << 20

    /// What is to be sent.
    enum Item {
        case head(first: Int, count: Int, bytes: Int)
        case piece(Piece)
        /// Everything wanted was put, and that was something: what came damaged is wanted again, or all is well.
        case endOfRound
    }

    private struct State {
        var items: [Item] = []
        var next = 0
        var bytes = 0
        /// nil while that is being found out, and once it was taken.
        var wanted: ChunkMap?
        var fault: RelayFailure?
        var hasEnded = false

        mutating func take() -> Item? {
            guard next < items.count else { return nil }
            defer {
                next += 1
                if next == items.count { (items, next) = ([], 0) }
            }
            if case .piece(let piece) = items[next] { bytes -= piece.memory.count }
            return items[next]
        }
    }

    private let end: CheckpointRelay.End
    private let state = Monitor(State())

    init(_ end: CheckpointRelay.End) { self.end = end }

    // MARK: For who reads the source

    /// Takes what is to be sent to the destination; nothing where it has ended, or copies all of it from what it has.
    func takeWanted() -> ChunkMap {
        state.wait { state in
            defer { state.wanted = nil }
            return state.hasEnded ? ChunkMap() : state.wanted
        }
    }

    /// Puts something behind what waits already; drops it where the destination has ended.
    func put(_ item: Item) {
        state.wait { state -> Void? in
            if state.hasEnded { return () }
            if case .piece(let piece) = item {
                guard state.bytes < Self.capacity else { return nil }
                state.bytes += piece.memory.count
            }
            state.items.append(item)
            return ()
        }
    }

    var hasEnded: Bool { state.use { $0.hasEnded } }

    /// Nothing more will come.
    func giveUp(_ failure: RelayFailure) { state.use { $0.fault = $0.fault ?? failure } }

    func waitForEnd() { state.wait { $0.hasEnded ? () : nil } }

    // MARK: The thread

    /// Tells how many bytes of chunks were sent, once the checkpoint is whole there.
    func run(
        _ request: BulkRequest, _ manifest: [UInt8], _ told: (Result<Int, RelayFailure>) -> Void
    ) {
        let result: Result<Int, RelayFailure>
        do {
            result = .success(try deliver(request, manifest))
        } catch let failure as RelayFailure {
            result = .failure(failure)
        } catch {
            result = .failure(RelayFailure("node \(end.node): \(error)"))
        }
        told(result)
        state.use {
            $0.hasEnded = true
            $0.items = []
        }
    }

    private func deliver(_ request: BulkRequest, _ manifest: [UInt8]) throws -> Int {
        let channel = try end.open()
        try channel.send(request)
        try channel.write(manifest)
        switch try channel.answer() {
        case .whole:
            channel.handBack()
            return 0
        case .wanted(let count):
            let sent = try send(count, through: channel)
            channel.handBack()
            return sent
        case let answer: throw unexpected(answer)
        }
    }

    /// Sends what a map of so many bytes wants, and again what is wanted then, until the checkpoint is whole there;
    /// answers the bytes sent.
    private func send(_ count: Int, through channel: BulkChannel) throws -> Int {
        var (count, sent) = (count, 0)
        while true {
            let map = ChunkMap(try channel.read(exactly: count))
            state.use { $0.wanted = map }
            if !map.isEmpty { sent += try sendRounds(through: channel) }
            try channel.send(BulkRequest.publish)
            switch try channel.answer() {
            case .whole: return sent
            case .wanted(let more): count = more
            case let answer: throw unexpected(answer)
            }
        }
    }

    /// Answers the bytes sent, once every chunk is stored there.
    private func sendRounds(through channel: BulkChannel) throws -> Int {
        var (sent, unanswered, damaged) = (0, 0, ChunkMap())
        var batches: Set<Range<Int>> = []
        func hear() throws {
            switch try channel.answer() {
            case .stored: break
            case .damaged(let first, let count):
                guard let batch = batches.first(where: { $0.lowerBound == first && $0.count == count }) else {
                    throw RelayFailure(
                        "node \(end.node) calls \(count) chunks from \(first) on damaged, unasked")
                }
                damaged.insert(batch)
            case let answer: throw unexpected(answer)
            }
            unanswered -= 1
        }
        while true {
            switch try nextItem(for: channel) {
            case .head(let first, let count, let bytes):
                if unanswered == Self.window { try hear() }
                try channel.send(BulkRequest.store(first: first, count: count, bytes: bytes))
                batches.insert(first..<first + count)
                unanswered += 1
                sent += bytes
            case .piece(let piece): try channel.write(UnsafeRawBufferPointer(piece.memory))
            case .endOfRound:
                while unanswered > 0 { try hear() }
                guard !damaged.isEmpty else { return sent }
                let found = damaged
                state.use { $0.wanted = found }
                damaged = ChunkMap()
            }
        }
    }

    private func nextItem(for channel: BulkChannel) throws(RelayFailure) -> Item {
        let next = state.wait { state -> Result<Item, RelayFailure>? in
            state.take().map { .success($0) } ?? state.fault.map { .failure($0) }
        }
        // What is on its way there is not to be sent again.
        if case .failure = next { channel.finish() }
        return try next.get()
    }

    private func unexpected(_ answer: BulkAnswer) -> RelayFailure {
        if case .refused(let reason) = answer { return RelayFailure("node \(end.node): \(reason)") }
        return RelayFailure("node \(end.node) answered \(answer), which is no answer to what it was sent")
    }
}
