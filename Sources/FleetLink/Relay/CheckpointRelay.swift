public import FleetModel
import Spawn
import Wire

/// Brings a checkpoint from one agent to others, through this process and never onto its disk. What several
/// of them lack is read once and sent to each; only chunks that a node lacks are sent to it. Nothing that
/// has arrived is sent again: after a cut, another relay goes on where this one stopped, except for what was
/// under way, at most `Lane.window` batches of `batchSize`.
///
/// Each end has a thread, because bulk channels block.
public struct CheckpointRelay: Sendable {
    /// Opens a bulk channel to an agent. Blocks.
    public typealias Opening = @Sendable () throws(LinkFailure) -> BulkChannel

    /// One end of a transfer.
    public struct End: Sendable {
        public let node: NodeID
        /// Nothing is moved between it and another that has none either, where both see the same file system.
        public let hasOwnFiles: Bool
        public let open: Opening

        public init(_ node: NodeID, hasOwnFiles: Bool = false, open: @escaping Opening) {
            (self.node, self.hasOwnFiles, self.open) = (node, hasOwnFiles, open)
        }
    }

    /// Neighbouring chunks go together up to so many bytes, so that a round trip is worth its while.
    static let batchSize = 4 << 20
    /// Batches that the source is asked for ahead of the one that is read.
    private static let ahead = 4
    /// So often is a damaged chunk asked for.
    private static let attempts = 3

    private let checkpoint: Checkpoint
    private let study: StudyID

    public init(_ checkpoint: Checkpoint, of study: StudyID) {
        (self.checkpoint, self.study) = (checkpoint, study)
    }

    /// Blocks until all has ended; `ended` is called once for each destination, from any thread, as soon as
    /// the checkpoint stands there under its name, with the bytes that were sent, or cannot.
    public func run(
        from sources: [End], to destinations: [End],
        ended: @escaping @Sendable (NodeID, Result<Int, RelayFailure>) -> Void
    ) {
        let source: Source
        do {
            source = try Source(sources, checkpoint, study)
        } catch {
            for end in destinations { ended(end.node, .failure(error)) }
            return
        }
        let manifest = source.manifestBytes
        let lanes = destinations.map { end in
            let lane = Lane(end)
            let request = BulkRequest.receive(
                study: study, checkpoint: checkpoint, bytes: manifest.count,
                seen: end.hasOwnFiles ? nil : source.place)
            onOwnThread { lane.run(request, manifest) { ended(end.node, $0) } }
            return lane
        }
        do {
            try Self.send(from: source, to: lanes)
        } catch {
            for lane in lanes { lane.giveUp(error) }
        }
        for lane in lanes { lane.waitForEnd() }
    }

    private static func send(from source: Source, to lanes: [Lane]) throws(RelayFailure) {
        var rounds = 0
        while rounds < attempts {
            let wanted = lanes.map { $0.takeWanted() }
            if lanes.allSatisfy(\.hasEnded) { return source.handBack() }
            let batches = Batch.plan(source.manifest, wanted)
            if batches.isEmpty { continue }
            rounds += 1
            var asked = 0
            for (index, batch) in batches.enumerated() {
                while asked < min(batches.count, index + ahead) {
                    try source.ask(for: batches[asked])
                    asked += 1
                }
                try pass(batch, from: source, to: batch.lanes.map { lanes[$0] })
                if lanes.allSatisfy(\.hasEnded) { return }
            }
            for (lane, map) in zip(lanes, wanted) where !map.isEmpty { lane.put(.endOfRound) }
        }
        if lanes.allSatisfy({ $0.takeWanted().isEmpty }) { return source.handBack() }
        throw RelayFailure(
            "chunks came damaged from node \(source.node) \(attempts) times: its files are not what they "
                + "were when they were hashed, or its memory or disk is at fault")
    }

    private static func pass(_ batch: Batch, from source: Source, to lanes: [Lane]) throws(RelayFailure) {
        for lane in lanes {
            lane.put(.head(first: batch.chunks.lowerBound, count: batch.chunks.count, bytes: batch.bytes))
        }
        try source.read(batch) { piece in
            for lane in lanes { lane.put(.piece(piece)) }
        }
    }
}

/// Why a checkpoint did not come, in one sentence.
public struct RelayFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

/// Neighbouring chunks that the same destinations lack.
struct Batch: Hashable {
    var chunks: Range<Int>
    var bytes: Int
    /// Numbers of the destinations.
    let lanes: [Int]

    /// - Parameter wanted: by destination, what it lacks.
    static func plan(_ manifest: Manifest, _ wanted: [ChunkMap]) -> [Batch] {
        var batches: [Batch] = []
        for chunk in 0..<manifest.chunkCount {
            let lanes = wanted.indices.filter { wanted[$0].contains(chunk) }
            guard !lanes.isEmpty else { continue }
            let bytes = manifest.place(ofChunk: chunk).length
            if let last = batches.last, last.lanes == lanes, last.chunks.upperBound == chunk,
                last.bytes + bytes <= CheckpointRelay.batchSize
            {
                batches[batches.count - 1].chunks = last.chunks.lowerBound..<chunk + 1
                batches[batches.count - 1].bytes += bytes
            } else {
                batches.append(Batch(chunks: chunk..<chunk + 1, bytes: bytes, lanes: lanes))
            }
        }
        return batches
    }
}

/// Which chunks are wanted, as an agent sends it: one bit each.
struct ChunkMap: Hashable {
    private var bits: [UInt8]

    init(_ bits: [UInt8] = []) { self.bits = bits }

    var isEmpty: Bool { bits.allSatisfy { $0 == 0 } }

    func contains(_ chunk: Int) -> Bool {
        chunk / 8 < bits.count && bits[chunk / 8] & (1 << UInt8(chunk % 8)) != 0
    }

    mutating func insert(_ chunks: Range<Int>) {
        if let last = chunks.last, last / 8 >= bits.count {
            bits += Array(repeating: 0, count: last / 8 + 1 - bits.count)
        }
        for chunk in chunks { bits[chunk / 8] |= 1 << UInt8(chunk % 8) }
    }
}
