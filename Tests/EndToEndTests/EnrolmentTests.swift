import FleetLink
import FleetModel
import Foundation
import Spawn
import Testing
import Wire

/// The commands that make a machine a node, as people type them.
@Suite(.serialized, .timeLimit(.minutes(5))) struct EnrolmentTests {
    static func files() throws -> Bench { try Bench(Yaml.search()) }

    @Test func `nodes are listed, shown, checked, drained and removed, as text and as JSON`() async throws {
        let fleet = try await LoopbackFleet(2, for: try Self.files())
        for words in [["list"], ["check"], ["show", "node1"]] {
            let text = await
                (try Running(
                    fleet.bench.programs + "/coordinator", ["nodes"] + words, in: fleet.bench.folder)).end()
            #expect(text.exit == 0 && text.output.contains("node1"), "\(text)")
            let json = await
                (try Running(
                    fleet.bench.programs + "/coordinator", ["nodes"] + words + ["--json"],
                    in: fleet.bench.folder))
                .end()
            #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(json.output.utf8)) }
        }
        #expect(try await fleet.coordinator("nodes", "show", "node1").output.contains("gpu1  free"))
        #expect(try await fleet.coordinator("nodes", "drain", "node1").exit == 0)
        #expect(try await fleet.coordinator("nodes", "list").output.contains("drains"))
        #expect(try await fleet.coordinator("nodes", "remove", "node2").exit == 0)
        #expect(try fleet.bench.registry.all().map(\.id.rawValue) == ["node1"])
        let unknown = try await fleet.coordinator("nodes", "drain", "node2")
        #expect(unknown.exit == 2 && unknown.errors.contains("enrolled are node1"), "\(unknown)")
        fleet.stop("node1")
        let check = try await fleet.coordinator("nodes", "check")
        #expect(check.exit == 1 && check.output.contains("does not answer"), "\(check)")
    }

    @Test func `enrolling again changes nothing, a taken name is refused, and leave undoes it`() async throws
    {
        let bench = try Self.files()
        let fleet = try await LoopbackFleet(2, for: bench)
        let invite = try await fleet.coordinator("invite").output
        let keys = fleet.folder + "/node1/authorized_keys"
        let foreign = "# mine\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIForeign me@home"
        let before = try String(contentsOfFile: keys, encoding: .utf8)
        // Without an end of its last line, as editors leave them.
        try (before + foreign).write(toFile: keys, atomically: false, encoding: .utf8)
        chmod(keys, 0o640)
        func enrol(_ name: String) async throws -> Running.Result {
            try await fleet.agent(
                "enroll", invite, "--home", fleet.agentHome(of: "node1"), "--plugins", bench.programs,
                "--nvidia-smi", fleet.folder + "/node1/nvidia-smi", "--linger", "30", "--authorized-keys",
                keys,
                "--name", name, "--address", "127.0.0.1", "--port", "\(try fleet.port(of: "node1"))")
        }
        let again = try await enrol("node1")
        #expect(again.exit == 0, "\(again)")
        #expect(try String(contentsOfFile: keys, encoding: .utf8) == before + foreign)
        #expect(again.errors.contains("stands in \(keys) already"), "\(again)")
        let mode = try FileManager.default.attributesOfItem(atPath: keys)[.posixPermissions] as? Int
        #expect(mode == 0o640)
        #expect(try await fleet.coordinator("nodes", "add", again.output).exit == 0)
        let taken = try await fleet.coordinator("nodes", "add", try await enrol("node2").output)
        #expect(taken.exit == 2 && taken.errors.contains("the name node2 is taken"), "\(taken)")
        let double = try await fleet.coordinator("nodes", "add", try await enrol("node9").output)
        #expect(double.exit == 2 && double.errors.contains("is enrolled as node1 already"), "\(double)")
        let left = try await fleet.agent(
            "leave", "--home", fleet.agentHome(of: "node1"), "--authorized-keys", keys)
        #expect(left.exit == 0, "\(left)")
        #expect(try String(contentsOfFile: keys, encoding: .utf8) == foreign + "\n")
        let check = try await fleet.coordinator("nodes", "check", "node1")
        #expect(check.output.contains("does not accept the coordinator's key"), "\(check)")
    }

    @Test func `a node whose nvidia-smi fails says so wherever it is looked at`() async throws {
        let fleet = try await LoopbackFleet(1, for: try Self.files())
        fleet.endAgent(of: "node1")
        try "#!/bin/sh\necho 'no driver' >&2\nexit 9\n"
            .write(toFile: fleet.folder + "/node1/nvidia-smi", atomically: false, encoding: .utf8)
        let says = "nvidia-smi failed, so its GPUs are not used: "
        for (verb, exit) in [("check", 1), ("show", 0)] {
            let text = try await fleet.coordinator("nodes", verb, "node1")
            #expect(text.output.contains(says) && text.output.contains("no driver"), "\(text)")
            let json = try await fleet.coordinator("nodes", verb, "node1", "--json")
            #expect(json.output.contains("\"gpu_failure\" : \"" + says), "\(json)")
            #expect([text.exit, json.exit] == [Int32(exit), Int32(exit)])
        }
    }

    @Test func `a ticket is reported to the home that its invite is of`() async throws {
        let bench = try Self.files()
        let fleet = try await LoopbackFleet(1, for: bench)
        // Stands for the way to the head, and shows what would be run there.
        let ssh = bench.folder + "/bin/ssh"
        try FileManager.default.createDirectory(
            atPath: bench.folder + "/bin", withIntermediateDirectories: true)
        try "#!/bin/sh\necho \"$@\"\n".write(toFile: ssh, atomically: false, encoding: .utf8)
        chmod(ssh, 0o755)
        let node = fleet.folder + "/node1"
        let invite = try await fleet.coordinator("invite").output
        let arguments = [
            "PATH=\(bench.folder)/bin:/usr/sbin:/usr/bin:/bin", bench.programs + "/agent", "enroll", invite,
            "--report", "ann@head", "--home", fleet.agentHome(of: "node1"), "--authorized-keys",
            node + "/authorized_keys", "--nvidia-smi", node + "/nvidia-smi", "--linger", "1", "--address",
            "127.0.0.1", "--port", "\(try fleet.port(of: "node1"))",
        ]
        let said = await (try Running("/usr/bin/env", arguments, in: bench.folder)).end()
        #expect(said.exit == 0 && said.output.hasSuffix(" --home \(bench.folder)/head"), "\(said)")
    }

    @Test func `Ctrl-C while a machine is enrolled leaves nothing behind, here or there`() async throws {
        let bench = try Self.files()
        let fleet = try await LoopbackFleet(1, for: bench)
        let config = try fleet.addLogin(to: "node1")
        let enrol = try Running(
            bench.programs + "/coordinator",
            [
                "nodes", "enroll", "gpu1", "--ssh-config", config, "--programs", try Self.programs(in: bench),
                "--agent-argument=--home=\(fleet.agentHome(of: "node1"))",
                "--agent-argument=--authorized-keys=\(fleet.folder)/node1/authorized_keys",
            ], in: bench.folder)
        let pid = enrol.pid
        _ = await enrol.line { $0.hasPrefix("copying the agent") }
        enrol.signal(SIGINT)
        let result = await enrol.end()
        #expect(result.exit == 1 && result.errors.contains("interrupted"), "\(result)")
        let files = FileManager.default
        let here = try files.contentsOfDirectory(atPath: NSTemporaryDirectory())
        #expect(here.filter { $0.hasPrefix("iterhpo-\(pid)-") } == [])
        let home = try #require(ProcessInfo.processInfo.environment["HOME"])
        let there = (try? files.contentsOfDirectory(atPath: home + "/.iterhpo/programs")) ?? []
        #expect(there.filter { $0.contains("-\(pid)-") } == [])
    }

    /// The agent in a folder of its own: a build that no machine has yet.
    static func programs(in bench: Bench) throws -> String {
        let folder = bench.folder + "/new"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: bench.programs + "/agent", toPath: folder + "/agent")
        return folder
    }

    @Test func `a line that is damaged, old or another coordinator's is refused with what to do`()
        async throws
    {
        let bench = try Self.files()
        let fleet = try await LoopbackFleet(1, for: bench)
        let key = HostKey("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOther")!
        let now = Int(Date().timeIntervalSince1970)
        func ticket(made: Int = now, name: String = "n", host: String = "127.0.0.1") throws -> String {
            try Ticket(
                name: name, user: "ann", addresses: [host], port: 22, hostKeys: [key], key: key, version: "0",
                gpus: .noDriver, slots: 1, plugins: [], freeDiskMiB: 1, made: made
            ).line
        }
        let whole = try ticket()
        let lines: [(String, String)] = [
            ("", "expected the line that `agent enroll` prints"),
            ("iterhpo-ticket-1..", "is damaged"), (String(whole.dropLast(9)), "agent enroll"),
            (whole.replacing("A", with: "B"), "is damaged"),
            (try await fleet.coordinator("invite").output, "expected the line that `agent enroll` prints"),
            (try ticket(made: now - 40 * 86_400), "over 30 days old"),
            (try ticket(made: .min), "over 30 days old"),
            (try ticket(made: .max), "set the clocks of both machines right"),
            (try ticket(name: "../x"), "its name: found \"../x\", expected 1 to 128 letters"),
            (try ticket(host: "-oProxyCommand=id"), "expected host names or IP addresses"),
            (whole, "another coordinator"),
        ]
        for (line, says) in lines {
            let result = try await fleet.coordinator("nodes", "add", "--", line)
            #expect(result.exit == 2 && result.errors.contains(says), "\(line): \(result)")
        }
        let result = try await fleet.agent("enroll", "--home", bench.folder + "/x", "--", whole)
        #expect(result.exit == 2 && result.errors.contains("coordinator invite"), "\(result)")
        #expect(!FileManager.default.fileExists(atPath: bench.folder + "/x"))
    }

    /// The line by which the coordinator gets in.
    static func line(of node: String) throws -> String {
        let keys = try String(contentsOfFile: node + "/authorized_keys", encoding: .utf8)
        return try #require(keys.split(separator: "\n").map(String.init).first { $0.contains(" iterhpo ") })
    }

    @Test func `wrong arguments, or a port where no server is, are refused before anything is changed`()
        async throws
    {
        let fleet = try await LoopbackFleet(1, for: try Self.files())
        let invite = try await fleet.coordinator("invite").output
        let (home, keys) = (fleet.folder + "/new", fleet.folder + "/keys")
        let wrong: [([String], exit: Int32, String)] = [
            (["--name", "a/b"], 2, "--name: found \"a/b\", expected"),
            (["--name", "local"], 2, "and not local"),
            (["--port", "99999999"], 2, "--port: found 99999999, expected a number from 1 to 65535"),
            (["--report", "x y@z"], 2, "--report: found \"x y@z\", expected USER@HEAD"),
            (["--address", "a b"], 2, "--address: found \"a b\", expected"),
            (["--plugins", "/a b"], 2, "--plugins: found \"/a b\", expected"),
            (["--port", "9"], 1, "no SSH server answers at port 9"),
        ]
        for (words, exit, says) in wrong {
            let result = await
                (try Running(
                    fleet.bench.programs + "/agent",
                    ["enroll", invite, "--home", home, "--authorized-keys", keys] + words,
                    in: fleet.bench.folder)).end()
            #expect(result.exit == exit && result.errors.contains(says), "\(words): \(result)")
        }
        #expect(!FileManager.default.fileExists(atPath: home))
        #expect(!FileManager.default.fileExists(atPath: keys))
        let doctor = try await fleet.agent("doctor", "--home", fleet.agentHome(of: "node1"), "--port", "9")
        #expect(doctor.exit == 1 && doctor.output.contains("WRONG  sshd: no SSH server answers at port 9"))
    }

    @Test func `what enroll and leave print as JSON is JSON, whatever the head says and the home is called`()
        async throws
    {
        let fleet = try await LoopbackFleet(1, for: try Self.files())
        let node = fleet.folder + "/node1"
        // Stands in for ssh, and says what `nodes add` says.
        try "#!/bin/sh\necho 'node node1 is enrolled'\n".write(
            toFile: node + "/ssh", atomically: false, encoding: .utf8)
        chmod(node + "/ssh", 0o700)
        var program = Program([
            fleet.bench.programs + "/agent", "enroll", try await fleet.coordinator("invite").output, "--json",
            "--report", "ann@head", "--home", fleet.agentHome(of: "node1"), "--authorized-keys",
            node + "/authorized_keys", "--address", "127.0.0.1",
            "--port", "\(try fleet.port(of: "node1"))",
        ])
        program.environment["PATH"] = "\(node):/usr/bin:/bin"
        let enrolled = try program.capture()
        let report = try JSONSerialization.jsonObject(with: Data(enrolled.text.utf8)) as? [String: Any]
        #expect(report?["home"] as? String == fleet.agentHome(of: "node1"))
        let home = fleet.folder + "/a\"b"
        let left = try await fleet.agent(
            "leave", "--json", "--home", home, "--authorized-keys", "/nonexistent")
        let words = try JSONSerialization.jsonObject(with: Data(left.output.utf8)) as? [String: Any]
        #expect(words?["home"] as? String == home && words?["keys_removed"] as? Int == 0)
    }

    @Test func `the loopback fleet refuses a folder that cannot be, with one sentence, and leaves nothing`()
        async throws
    {
        let bench = try Self.files()
        let long = bench.folder + "/" + String(repeating: "x", count: 90)
        let wrong: [([String], String)] = [
            (["--folder", bench.folder + "/a b"], "/a b\", expected letters"),
            (["--folder", long], "at most 107"),
            (["--folder"], "--folder: found nothing, expected a value"),
            (["--gpus", "x"], "expected a number"),
        ]
        for (words, says) in wrong {
            let result = await
                (try Running(
                    LoopbackFleet.script, ["1", "--bin", bench.programs] + words, in: bench.folder)).end()
            #expect(result.exit == 2 && result.errors.contains(says), "\(words): \(result)")
            #expect(result.errors.split(separator: "\n").count == 1)
        }
        #expect(!FileManager.default.fileExists(atPath: long))
        #expect(!FileManager.default.fileExists(atPath: bench.folder + "/a b"))
    }

    @Test func `from the head, with the user's own login, a machine is enrolled and upgraded while it works`()
        async throws
    {
        let bench = try Self.files()
        let fleet = try await LoopbackFleet(1, for: bench)
        let node = fleet.folder + "/node1"
        let port = try fleet.port(of: "node1")
        #expect(try await fleet.coordinator("nodes", "remove", "node1").exit == 0)
        let config = try fleet.addLogin(to: "node1")
        func enroll(_ verb: String, _ what: String, _ more: String...) async throws -> Running.Result {
            let there = [
                "--home=\(fleet.agentHome(of: "node1"))", "--authorized-keys=\(node)/authorized_keys",
                "--port=\(port)", "--address=127.0.0.1", "--cpu-slots=3", "--nvidia-smi=/nonexistent/smi",
            ]
            let arguments =
                ["nodes", verb, what, "--ssh-config", config, "--programs", bench.programs] + more
                + there.map { "--agent-argument=\($0)" }
            return await
                (try Running(
                    bench.programs + "/coordinator", arguments, in: bench.folder)).end()
        }
        let enrolled = try await enroll("enroll", "gpu1", "--name", "far")
        #expect(enrolled.exit == 0 && enrolled.output.contains("3 of 3 slots free"), "\(enrolled)")
        let before = try Self.line(of: node)
        // Only where the key's file and the server are, which no line says.
        let upgraded = try await fleet.coordinator(
            "nodes", "upgrade", "far", "--login", "gpu1", "--ssh-config", config, "--programs",
            bench.programs,
            "--agent-argument=--authorized-keys=\(node)/authorized_keys", "--agent-argument=--port=\(port)",
            "--agent-argument=--address=127.0.0.1")
        #expect(upgraded.exit == 0 && upgraded.output.contains("its runs go on"), "\(upgraded)")
        #expect(try Self.line(of: node) == before)
        #expect(
            before.contains("--home \(fleet.agentHome(of: "node1")) ") && before.contains("--cpu-slots 3"))
        #expect(try await fleet.coordinator("nodes", "check", "far").output.contains("3 of 3 slots free"))
        let known = try #require(try bench.registry.node(NodeID(rawValue: "far")))
        #expect(known.address == "127.0.0.1")
        // The programs that were copied.
        let line = try String(contentsOfFile: node + "/authorized_keys", encoding: .utf8)
        #expect(line.contains(".iterhpo/programs/\(Hello.currentVersion)-"), "\(line)")
    }
}
