import FleetLink
import FleetModel
import Foundation
import Spawn

/// What links make of a network that swallows everything, and of a host that is down.
///
/// In a network namespace of its own, where nobody else is cut off: the packets are dropped where they arrive, so
/// that nobody is told.
struct LinkFaults: Sendable {
    let host: Host
    let count: Int

    /// Blocks.
    func measure() throws {
        try run("/usr/sbin/ip", ["link", "set", "lo", "up"])
        var bars = Bars()
        let links = try (0..<count).map { Watched(try host.link(named: "n\($0)")) }
        for link in links { try link.wait(forConnection: 1) }
        try measureCut(links, seconds: 30, &bars)
        try measureSilent(links, &bars)
        try measureRefusing(links, &bars)
        for link in links { link.close() }
        bars.show()
    }

    private func measureCut(_ links: [Watched], seconds: Double, _ bars: inout Bars) throws {
        let (connections, failures) = (links.map(\.connections), links.map(\.failures))
        let start = monotonicSeconds()
        try cut()
        let noticed = try zip(links, failures).map { try $0.wait(forFailure: $1 + 1) - start }
        bars.add("a silent cut noticed, first", noticed.min()!, "s")
        bars.add("a silent cut noticed, last", noticed.max()!, "s", atMost: 10)
        usleep(UInt32((start + seconds - monotonicSeconds()) * 1e6))
        try restore()
        let restored = monotonicSeconds()
        let backs = try zip(links, connections).map { try $0.wait(forConnection: $1 + 1) - restored }
        bars.add("attached again after a \(Int(seconds)) s cut, median", backs.median, "s")
        bars.add("attached again after a \(Int(seconds)) s cut, p95", backs.quantile(0.95), "s", atMost: 2)
    }

    private func measureSilent(_ links: [Watched], _ bars: inout Bars) throws {
        let (connections, failures) = (links.map(\.connections), links.map(\.failures))
        try cut()
        for (link, failures) in zip(links, failures) { _ = try link.wait(forFailure: failures + 1) }
        bars.add("attempts a minute at a host that is silent, most", try attempts(links), "", atMost: 15)
        try restore()
        for (link, connections) in zip(links, connections) { try link.wait(forConnection: connections + 1) }
    }

    private func measureRefusing(_ links: [Watched], _ bars: inout Bars) throws {
        let failures = links.map(\.failures)
        host.stop()
        for (link, failures) in zip(links, failures) { _ = try link.wait(forFailure: failures + 1) }
        bars.add("attempts a minute at a host that refuses, most", try attempts(links), "", atMost: 15)
    }

    /// Failed attempts of a link within the next minute, of the one with the most.
    private func attempts(_ links: [Watched]) throws -> Double {
        let before = links.map(\.failures)
        usleep(60_000_000)
        return Double(zip(links, before).map { $0.failures - $1 }.max() ?? 0)
    }

    private func cut() throws {
        try nft("add table inet cut")
        try nft("add chain inet cut arriving { type filter hook prerouting priority 0 ; }")
        for end in ["dport", "sport"] { try nft("add rule inet cut arriving tcp \(end) \(host.port) drop") }
    }

    private func restore() throws { try nft("delete table inet cut") }

    private func nft(_ words: String) throws {
        try run("/usr/sbin/nft", words.split(separator: " ").map(String.init))
    }
}
