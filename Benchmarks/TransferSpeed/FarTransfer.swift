import Forwarding
import FleetLink
import FleetModel
import Foundation
import Spawn

extension TransferSpeed {
    /// Transfers over a round trip of 50 ms beside scp's, and what a cut in the middle costs.
    func measureFar(_ rounds: Int) async throws {
        var bars = Bars()
        let far = try Forwarder(to: host.port, delay: 0.025)
        let node = try await host.connected(host.link(named: "far", port: far.port))
        let size = Double(try bring(old, from: node))
        var (ours, theirs): ([Double], [Double]) = ([], [])
        for _ in 0..<rounds {
            forget(host.folder + "/copy")
            theirs.append(try seconds { try scp(old, to: host.folder + "/copy", port: far.port) })
            forgetHere(old)
            ours.append(try seconds { _ = try bring(old, from: node) })
        }
        bars.add("50 ms round trip: scp", size / theirs.median / 1e6, "MB/s")
        bars.add("50 ms round trip: ours", size / ours.median / 1e6, "MB/s")
        let ratio = zip(ours, theirs).map { $1 / $0 }.median
        bars.add("50 ms round trip: ours beside scp", ratio, "x", atLeast: 1.5)
        try await measureCut("a cut", delay: 0, &bars)
        try await measureCut("a cut, 50 ms round trip", delay: 0.025, &bars)
        bars.show()
    }

    /// The bytes that come from the source's host, with a cut in the middle and without one.
    /// - Parameter delay: seconds, each way.
    private func measureCut(_ what: String, delay: Double, _ bars: inout Bars) async throws {
        let line = try Forwarder(to: host.port, delay: delay)
        let node = try await host.connected(host.link(named: "line", port: line.port))
        func bytes(_ work: () throws -> Void) rethrows -> Int {
            let before = line.bytesFromTarget
            try work()
            return line.bytesFromTarget - before
        }
        var again: [Double] = []
        for _ in 0..<5 {
            forgetHere(old)
            let whole = try bytes { _ = try bring(old, from: node) }
            forgetHere(old)
            line.cut(after: whole / 2)
            var connected = node
            let first = bytes { if (try? bring(old, from: node)) != nil { print("the cut came too late") } }
            connected = try await host.connected(host.link(named: "again", port: line.port))
            let second = try bytes { _ = try bring(old, from: connected) }
            again.append(Double(first + second - whole) / Double(Manifest.chunkSize))
            connected.close()
        }
        bars.add("chunks sent again after \(what), median", again.median, "")
        bars.add("chunks sent again after \(what), most", again.max()!, "", atMost: 4)
    }

    private func seconds(_ work: () throws -> Void) rethrows -> Double {
        let start = monotonicSeconds()
        try work()
        return monotonicSeconds() - start
    }
}
