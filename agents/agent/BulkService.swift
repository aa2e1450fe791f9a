import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Wire

/// Answers the requests of one bulk channel, one after the other, straight from the home's files. It runs in
/// a process of its own, so that no transfer ever holds up the daemon.
final class BulkService {
    /// A request for more of a log gets so much. Bytes.
    private static let longestLog = 64 << 20

    let store: CheckpointStore
    private var input: BulkInput
    let output: BulkOutput
    private var offer: CheckpointOffer?
    private var landing: Landing?

    init(_ home: Home, input: Int32, output: Int32) {
        store = CheckpointStore(home)
        self.input = BulkInput(input)
        self.output = BulkOutput(output)
    }

    /// Serves until the other side ends its stream or is gone.
    func serve() throws {
        try output.write(try Data(Hello(name: "agent").line.utf8))
        while let line = try input.line() {
            if !line.isEmpty { try answer(line) }
        }
    }

    private func answer(_ line: Data) throws {
        guard let request = try? Lines.decode(BulkRequest.self, from: line) else {
            let start = String(decoding: line.prefix(80), as: UTF8.self)
            return try output.say(.refused(reason: "this line is no request for bulk: \(start)"))
        }
        switch request {
        case .log(let run, let stream, let limit): try sendLog(of: run, stream, limit)
        case .offer(let study, let checkpoint):
            try orRefuse { try offer(try CheckpointStore.Key(study, checkpoint)) }
        case .chunks(let first, let count): try orRefuse { try sendChunks(first, count) }
        case .receive(let study, let checkpoint, let count, let seen):
            let bytes = try input.bytes(min(count, Self.largestManifest))
            try orRefuse { try receive(try CheckpointStore.Key(study, checkpoint), bytes, seen) }
        case .store(let first, let count, let bytes): try take(first, count, bytes)
        case .publish: try orRefuse { try publish() }
        }
    }

    private static let largestManifest = 1 << 30

    /// A fault of ours is an answer, one of the channel ends it.
    private func orRefuse(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let fault as ChannelFault {
            throw fault
        } catch {
            try output.say(.refused(reason: "\(error)"))
        }
    }

    private func sendLog(of run: RunKey, _ stream: LogStream, _ limit: Int) throws {
        let path = store.runs.folder(of: run).log(stream)
        let bytes = endOfFile(path, limit: min(max(0, limit), Self.longestLog))?.bytes ?? []
        try output.say(.bytes(count: bytes.count))
        try output.write(bytes)
    }

    private func offer(_ key: CheckpointStore.Key) throws {
        offer = nil
        let offer = try output.whileBusy { try CheckpointOffer(of: key, in: store) }
        self.offer = offer
        let bytes = offer.manifest.bytes
        try output.say(.offered(bytes: bytes.count, place: offer.place))
        try output.write(bytes)
    }

    private func sendChunks(_ first: Int, _ count: Int) throws {
        guard let offer else { throw AgentError("chunks are asked for, and no checkpoint is offered") }
        try offer.send(first, count, to: output)
    }

    private func receive(_ key: CheckpointStore.Key, _ bytes: [UInt8], _ seen: SharedPlace?) throws {
        landing = nil
        let manifest = try Manifest(bytes: bytes)
        let store = store
        let found = try output.whileBusy { () -> (Arrival, wanted: ChunkSet)? in
            if try store.has(key, manifest) { return nil }
            if let seen, try store.share(seen, as: key, manifest) { return nil }
            let arrival = try Arrival(of: key, manifest, in: store)
            return (arrival, try arrival.beginCopying())
        }
        guard let (arrival, wanted) = found else { return try output.say(.whole) }
        landing = Landing(arrival, output)
        try ask(for: wanted)
    }

    private func ask(for chunks: ChunkSet) throws {
        try output.say(.wanted(bytes: chunks.bytes.count))
        try output.write(chunks.bytes)
    }

    private func take(_ first: Int, _ count: Int, _ bytes: Int) throws {
        guard let landing, landing.expects(first, count, bytes) else {
            try input.skip(bytes)
            return try output.say(
                .refused(
                    reason: "\(bytes) bytes came for \(count) chunks from \(first) on: that is not their size"
                ))
        }
        try landing.take(first, count, from: &input)
    }

    private func publish() throws {
        guard let landing else { throw AgentError("nothing is being received") }
        landing.settle()
        let missing = try output.whileBusy { try landing.arrival.publish() }
        guard missing.isEmpty else { return try ask(for: missing) }
        self.landing = nil
        try output.say(.whole)
    }
}

extension CheckpointStore {
    /// Whether the checkpoint is here already, with this content.
    fileprivate func has(_ key: Key, _ manifest: Manifest) throws -> Bool {
        guard has(key) else { return false }
        return try record(of: key).manifest == manifest
    }
}
