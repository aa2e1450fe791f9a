import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Wire

/// Answers the requests of one bulk channel, one after the other, straight from the home's files. It runs in
/// a process of its own, so that no transfer ever holds up the daemon.
struct BulkService {
    /// A request for more of a log gets so much. Bytes.
    private static let longestLog = 64 << 20

    let store: RunStore
    let input: Int32
    let output: Int32

    /// Serves until the other side ends its stream or is gone.
    func serve() throws {
        try say(try Data(Hello(name: "agent").line.utf8))
        var splitter = LineSplitter()
        while case .bytes(let bytes) = receive(input) {
            for line in try splitter.take(bytes) where !line.isEmpty { try answer(line) }
        }
    }

    private func answer(_ line: Data) throws {
        guard let request = try? Lines.decode(BulkRequest.self, from: line) else {
            let start = String(decoding: line.prefix(80), as: UTF8.self)
            return try say(.refused(reason: "this line is no request for bulk: \(start)"))
        }
        switch request {
        case .log(let run, let stream, let limit): try sendLog(of: run, stream, limit)
        }
    }

    private func sendLog(of run: RunKey, _ stream: LogStream, _ limit: Int) throws {
        let path = store.folder(of: run).log(stream)
        let bytes = endOfFile(path, limit: min(max(0, limit), Self.longestLog))?.bytes ?? []
        try say(.bytes(count: bytes.count))
        try writeAll(bytes, to: output)
    }

    private func say(_ answer: BulkAnswer) throws { try say(try Lines.encode(answer)) }

    private func say(_ line: Data) throws { try writeAll(line, to: output) }
}
