import FleetModel
import Foundation
import Glibc
import Testing
import Wire

@testable import FleetLink

@Suite struct `the greeting` {
    static let hello = Hello(name: "agent")

    @Test func `a hello is found behind noise, and what follows it is kept`() throws {
        var greeting = Greeting()
        let text = "Last login: today\nhpo1 not json\n" + (try Self.hello.line) + "{\"a\":1}\n{\"b\""
        let bytes = Array(text.utf8)
        var rest: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 7) {
            rest += try greeting.take(Array(bytes[start..<min(start + 7, bytes.count)]))
        }
        #expect(greeting.hello == Self.hello)
        #expect(greeting.banner == "Last login: today\nhpo1 not json\n")
        #expect(String(decoding: rest, as: UTF8.self) == "{\"a\":1}\n{\"b\"")
    }

    @Test func `endless noise is not kept`() throws {
        var greeting = Greeting()
        for _ in 0..<3_000 { _ = try greeting.take(Array((String(repeating: "n", count: 99) + "\n").utf8)) }
        #expect(greeting.banner.utf8.count <= Greeting.longestBanner)
        #expect(greeting.banner.utf8.count > Greeting.longestBanner - 200)
    }

    @Test func `the back-off doubles to eight seconds and begins again`() {
        var backOff = BackOff()
        let delays = (0..<8).map { _ in backOff.delay(chance: 1) }
        #expect(delays == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 8])
        backOff.reset()
        #expect(backOff.delay(chance: 0) == 0.1 * 0.75)
    }

    @Test func `a host that is down is asked at most 15 times in its first minute`() {
        var backOff = BackOff()
        var (attempts, now) = (0, 0.0)
        while true {
            now += backOff.delay(chance: 0)
            guard now <= 60 else { break }
            attempts += 1
        }
        #expect(attempts == 15)
    }

    @Test func `who is lost alone dials at once, and a crowd a hundred a second`() {
        let crowd = Crowd()
        #expect((0..<500).map { _ in crowd.delay(now: 10) } == (0..<500).map { Double($0) / 100 })
        #expect(crowd.delay(now: 11.5) == 0)
    }
}

@Suite struct `what a failed link says` {
    static let node = NodeID(rawValue: "gpu1")

    /// A mismatch with an agent of another protocol.
    func mismatch(_ number: Int, version: String = "9.9") throws -> LinkFailure {
        let line = #"{"name":"agent","protocol":\#(number),"version":"\#(version)"}"#
        return .versionMismatch(
            ours: Hello.currentProtocol, theirs: try Lines.decode(Hello.self, from: Data(line.utf8)))
    }

    @Test func `an agent of another protocol is told with the command that brings it this version`() throws {
        let (newer, older) = (try mismatch(99), try mismatch(1))
        for said in [newer, older].map({ $0.description(of: Self.node) }) {
            #expect(said.hasSuffix("run `coordinator nodes upgrade gpu1`"), "\(said)")
            #expect(said.contains("this is \(Hello.currentVersion) with protocol \(Hello.currentProtocol)"))
        }
        #expect(newer.description(of: Self.node).contains("install 9.9 here, or run"))
        #expect(!older.description(of: Self.node).contains("here"))
        #expect(newer.description(of: .local).hasSuffix("install the same version on both"))
    }

    @Test func `words of the other side are one printable line, however long and whatever they hold`() throws
    {
        let banner = "\u{1b}[2J\u{7}Welcome\r\n\r\n to \u{202e}gpu1\n"
        #expect(banner.printable == #"\u{1b}[2J\u{7}Welcome; to \u{202e}gpu1"#)
        let noise = String(decoding: (0..<9_000).map { UInt8(truncatingIfNeeded: $0 &* 37) }, as: UTF8.self)
        let failures: [LinkFailure] = [
            .noAgent(banner: noise), .agentFailed(why: noise), .lost(why: noise),
            .unreachable(host: "h", why: noise), .silent(seconds: 15, said: noise),
            .notInstalled(program: "/agent", why: noise), try mismatch(99, version: #"\u001b[2J"#),
        ]
        for said in failures.map({ $0.description(of: Self.node) }) {
            #expect(said.count < 600, "\(said)")
            #expect(said.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }, "\(said)")
        }
        #expect("\(failures[0])".contains(" … "))
    }

    @Test func `an agent that does not answer in time has not ended`() async {
        let silent = Transport.pipe(executable: "/bin/sleep", arguments: ["100"])
        let home = CoordinatorHome(path: "/nowhere")
        let answer = await NodeProbe.look(at: Self.node, over: silent, home: home, patience: 1)
        guard case .failure(let failure) = answer else {
            Issue.record("it answered")
            return
        }
        #expect("\(failure)" == "the agent did not answer within 1 s")
    }
}

/// Programs here stand for what may be at the other end of the pipe.
@Suite(.timeLimit(.minutes(1))) struct `a link` {
    static let agent = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appending(path: "agent").path

    func link(_ executable: String, _ arguments: [String]) -> NodeLink {
        NodeLink(node: .local, transport: .pipe(executable: executable, arguments: arguments))
    }

    /// Why the first attempt failed.
    func failure(_ executable: String, _ arguments: [String] = []) async -> LinkFailure? {
        let link = link(executable, arguments)
        defer { link.close() }
        for await event in link.events {
            if case .disconnected(let failure, let seconds) = event {
                #expect(seconds > 0 && seconds <= 0.1)
                return failure
            }
        }
        return nil
    }

    @Test func `no program there is told as not installed`() async {
        guard case .notInstalled("/nowhere/agent", _) = await failure("/nowhere/agent") else {
            Issue.record("it is told as something else")
            return
        }
    }

    @Test func `a program that is no agent is told with what it said`() async {
        #expect(await failure("/bin/echo", ["welcome"]) == .noAgent(banner: "welcome\n"))
        #expect(await failure("/bin/true") == .noAgent(banner: ""))
    }

    @Test func `an agent of another protocol is told with both versions`() async {
        let hello = #"hpo1 {"name":"agent","protocol":99,"version":"9.0"}"#
        guard case .versionMismatch(Hello.currentProtocol, let theirs) = await failure("/bin/echo", [hello])
        else {
            Issue.record("it is told as something else")
            return
        }
        #expect(theirs.protocol == 99)
    }

    @Test func `an agent that cannot begin is told with its reason`() async {
        let home = "/tmp/" + String(repeating: "h", count: 120)
        defer { try? FileManager.default.removeItem(atPath: home) }
        let found = await failure(Self.agent, ["attach", "--home", home])
        #expect("\(String(describing: found))".contains("choose a shorter --home"))
    }

    @Test func `a connection that ends comes back, and orders get through again`() async throws {
        let home = "/tmp/iterhpo-link-\(UInt32.random(in: 0...UInt32.max))"
        defer { try? FileManager.default.removeItem(atPath: home) }
        let link = link(Self.agent, ["attach", "--home", home, "--cpu-slots", "3", "--linger", "0.5"])
        defer { link.close() }
        var events = link.events.makeAsyncIterator()
        for round in 0..<2 {
            while let event = await events.next(isolation: #isolation) {
                if case .connected = event { break }
            }
            link.send(.survey)
            let answer = await events.next(isolation: #isolation)
            guard case .news(.inventory(let inventory)) = answer else {
                Issue.record("round \(round): found \(String(describing: answer))")
                return
            }
            #expect(inventory.slots.count == 3)
            let pid = try #require(
                Int32(try String(contentsOfFile: home + "/agent.lock", encoding: .utf8).dropLast()))
            kill(pid, SIGKILL)
        }
    }

    @Test func `a closed link has no more events`() async {
        let link = link("/bin/cat", [])
        link.close()
        for await _ in link.events { Issue.record("an event came") }
    }

    /// What a link makes of a side that says hello and then these bytes.
    func events(after bytes: [UInt8]) async throws -> [LinkEvent] {
        let file = "/tmp/iterhpo-bytes-\(UInt32.random(in: 0...UInt32.max))"
        defer { unlink(file) }
        try (Data(try Hello(name: "agent").line.utf8) + bytes).write(to: URL(fileURLWithPath: file))
        let link = link("/bin/cat", [file])
        defer { link.close() }
        var seen: [LinkEvent] = []
        for await event in link.events {
            seen.append(event)
            if case .disconnected = event { break }
        }
        return seen
    }

    @Test func `a line without end is cut off, however long it is`() async throws {
        let events = try await events(after: [UInt8](repeating: UInt8(ascii: "x"), count: 17 << 20))
        guard case .disconnected(.lost(let why), _)? = events.last else {
            Issue.record("it is told as \(events)")
            return
        }
        #expect(why.contains("a line of over"))
    }

    @Test(arguments: 1...5) func `lines of garbage are complained of, one by one`(seed: Int) async throws {
        var state = UInt64(seed)
        let garbage = (0..<20_000).map { _ -> UInt8 in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 33)
        }
        let lines = garbage.split(separator: UInt8(ascii: "\n")).count
        let events = try await events(after: garbage + Array("\n{\"beat\":{}}\n{\"events\":{}}\n".utf8))
        let complaints = events.count { event in
            if case .news(.complaint(let text)) = event { text.hasPrefix("unreadable news") } else { false }
        }
        #expect(complaints == lines + 1)
        guard case .disconnected(.lost, _)? = events.last else {
            Issue.record("it is told as \(events.last!)")
            return
        }
    }

    @Test func `who does not listen makes the other side wait, and gets everything later`() async {
        let line = (try? Hello(name: "agent").line) ?? ""
        let news = #"{"complaint":{"text":"one"}}"#
        let many = ([line] + Array(repeating: news + "\n", count: 2_000)).joined()
        let file = "/tmp/iterhpo-news-\(UInt32.random(in: 0...UInt32.max))"
        defer { unlink(file) }
        try? many.write(toFile: file, atomically: false, encoding: .utf8)
        let link = link("/bin/cat", [file])
        defer { link.close() }
        var count = 0
        for await event in link.events {
            if case .news = event { count += 1 }
            if case .disconnected = event { break }
        }
        #expect(count == 2_000)
    }
}
