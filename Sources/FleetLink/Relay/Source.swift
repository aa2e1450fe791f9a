import FleetModel
import Wire

/// The agent that a checkpoint is read from.
struct Source {
    let node: NodeID
    let manifest: Manifest
    let manifestBytes: [UInt8]
    /// nil where its files are its own.
    let place: SharedPlace?
    private let channel: BulkChannel
    private let pieces: Pieces

    /// The first of `ends` that has the checkpoint.
    init(_ ends: [CheckpointRelay.End], _ checkpoint: Checkpoint, _ study: StudyID) throws(RelayFailure) {
        var reasons: [String] = []
        for end in ends {
            do {
                self = try Source(end, checkpoint, study)
                return
            } catch {
                reasons.append("node \(end.node): \(error)")
            }
        }
        throw RelayFailure(reasons.isEmpty ? "no node has it" : reasons.joined(separator: "; "))
    }

    private init(_ end: CheckpointRelay.End, _ checkpoint: Checkpoint, _ study: StudyID) throws {
        channel = try end.open()
        pieces = Pieces()
        node = end.node
        try channel.send(BulkRequest.offer(study: study, checkpoint: checkpoint))
        switch try channel.answer() {
        case .offered(let count, let place):
            self.place = end.hasOwnFiles ? nil : place
            manifestBytes = try channel.read(exactly: count)
            manifest = try Manifest(bytes: manifestBytes)
        case .refused(let reason): throw RelayFailure(reason)
        case let answer: throw RelayFailure("it answered \(answer) to an offer")
        }
    }

    /// Nothing more is read from it.
    func handBack() { channel.handBack() }

    func ask(for batch: Batch) throws(RelayFailure) {
        do {
            try channel.send(BulkRequest.chunks(first: batch.chunks.lowerBound, count: batch.chunks.count))
        } catch {
            throw failure("\(error)")
        }
    }

    /// Reads the answer to the next batch that was asked for, piece by piece.
    func read(_ batch: Batch, _ take: (Piece) -> Void) throws(RelayFailure) {
        do {
            switch try channel.answer() {
            case .bytes(let count) where count == batch.bytes:
                var left = count
                while left > 0 {
                    let piece = pieces.piece(of: min(left, Pieces.size))
                    try channel.fill(piece.memory)
                    left -= piece.memory.count
                    take(piece)
                }
            case .refused(let reason): throw RelayFailure(reason)
            case let answer: throw RelayFailure("it answered \(answer) where \(batch.bytes) bytes were due")
            }
        } catch {
            throw failure("\(error)")
        }
    }

    private func failure(_ why: String) -> RelayFailure {
        RelayFailure("node \(node), which it comes from: \(why)")
    }
}

extension BulkChannel {
    /// The next answer that is one.
    func answer() throws(LinkFailure) -> BulkAnswer {
        while true {
            let answer = try receive(BulkAnswer.self)
            if answer != .busy { return answer }
        }
    }
}
