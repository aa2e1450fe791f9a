import FleetModel
import Foundation
import Glibc
import Spawn
import Testing
import Wire

@testable import FleetLink

/// Bulk channels to a real agent, and to programs that are none.
@Suite(.timeLimit(.minutes(1))) struct `a bulk channel` {
    static let run = RunKey(
        study: StudyID(rawValue: "s-1")!, run: RunID(trial: TrialID(stage: 0, number: 0), attempt: 0))

    func channel(_ executable: String, _ arguments: [String]) throws(LinkFailure) -> BulkChannel {
        try BulkChannel(BulkPipe(executable, arguments, patience: 10))
    }

    /// A home with the log of one run.
    func withAgent(log: [UInt8], _ body: (BulkChannel) throws -> Void) throws {
        let home = "/tmp/iterhpo-bulk-\(UInt32.random(in: 0...UInt32.max))"
        defer { try? FileManager.default.removeItem(atPath: home) }
        let folder = home + "/runs/" + Self.run.folder
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(log).write(to: URL(fileURLWithPath: folder + "/stdout.log"))
        try body(try channel(`a link`.agent, ["attach", "--home", home, "--bulk"]))
    }

    @Test func `the end of a log comes byte for byte, and several requests may be under way`() throws {
        let log = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
        try withAgent(log: log) { channel in
            #expect(try channel.log(of: Self.run, .stdout, limit: 1 << 20) == log)
            #expect(try channel.log(of: Self.run, .stdout, limit: 1_000) == Array(log.suffix(1_000)))
            #expect(try channel.log(of: Self.run, .stderr, limit: 1_000) == [])
            for limit in 1...50 {
                try channel.send(BulkRequest.log(run: Self.run, stream: .stdout, limit: limit))
            }
            for limit in 1...50 {
                #expect(try channel.receive(BulkAnswer.self) == .bytes(count: limit))
                #expect(try channel.read(exactly: limit) == Array(log.suffix(limit)))
            }
            channel.endWriting()
            #expect(try channel.hasEnded)
        }
    }

    @Test func `a line that is no request is refused, and the channel goes on`() throws {
        try withAgent(log: [1, 2, 3]) { channel in
            try channel.write(Array("rm -rf /\n".utf8))
            guard case .refused(let reason) = try channel.receive(BulkAnswer.self) else {
                Issue.record("it was taken")
                return
            }
            #expect(reason.contains("rm -rf /"))
            #expect(try channel.log(of: Self.run, .stdout, limit: 10) == [1, 2, 3])
        }
    }

    @Test func `chunks that cannot be are refused, whatever their numbers`() throws {
        let homes = try Homes(["a"])
        try homes.put(["x": [1]], as: Homes.checkpoint(), at: "a")
        let channel = try homes.end("a").open()
        try channel.send(BulkRequest.offer(study: Homes.study, checkpoint: Homes.checkpoint()))
        guard case .offered(let count, _) = try channel.answer() else {
            Issue.record("it was not offered")
            return
        }
        _ = try channel.read(exactly: count)
        let extremes = [Int.min, -1, 0, 1, Int.max]
        for (first, count) in extremes.flatMap({ first in extremes.map { (first, $0) } })
        where (first, count) != (0, 1) {
            try channel.send(BulkRequest.chunks(first: first, count: count))
            guard case .refused(let reason) = try channel.answer() else {
                Issue.record("\(first), \(count)")
                return
            }
            #expect(reason.contains("\(count) chunks from \(first) on"))
        }
    }

    @Test(arguments: [-1, Int.min, Int.max])
    func `an agent that announces what cannot be is not waited for`(count: Int) throws {
        let hello = try Hello(name: "agent").line
        let script = "printf '%s' \"$0\"; read request; echo '{\"bytes\":{\"count\":\(count)}}'; sleep 5"
        let channel = try channel("/bin/sh", ["-c", script, hello])
        #expect(throws: LinkFailure.self) { try channel.log(of: Self.run, .stdout, limit: Int.max) }
    }

    @Test func `what is no agent is told with what it said`() {
        #expect(throws: LinkFailure.noAgent(banner: "welcome\n")) { try channel("/bin/echo", ["welcome"]) }
        #expect { try channel("/nowhere/agent", []) } throws: {
            if case .notInstalled = $0 as? LinkFailure { true } else { false }
        }
    }

    @Test func `an agent that is gone in the middle is told, and never waited for`() throws {
        let hello = try Hello(name: "agent").line
        let script = "printf '%s' \"$0\"; read request; echo '{\"bytes\":{\"count\":5}}'; printf 123"
        let channel = try channel("/bin/sh", ["-c", script, hello])
        #expect(throws: LinkFailure.self) { try channel.log(of: Self.run, .stdout, limit: 10) }
    }
}
