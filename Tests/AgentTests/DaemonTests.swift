import FleetLink
import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Testing
import Wire

@testable import agent

@Suite struct `a client` {
    @Test func `it waits for its line as long as its files have more, also where the line took all so far`()
        throws
    {
        let scratch = try Scratch()
        let (ours, others) = try makeSocketPair()
        setOption(SO_SNDBUF, at: SOL_SOCKET, of: ours, to: 4 << 20)
        makeNonBlocking(others)
        defer { close(others) }
        let store = RunStore(root: scratch.path)
        let folder = store.folder(of: .trial(0))
        try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
        var log = try EventLog(of: folder)
        for step in 1...20_000 {
            try log.append(.report(report: Report(step: step, metrics: ["loss": Reading(2.5)])))
        }
        let client = Client(door: ours)
        client.follow(LiveNode.study, from: [:], runs: [.trial(0)])
        var rounds = 0
        var received = 0
        while client.waits[1].events & Int16(POLLOUT) != 0 {
            client.pump(store) { _ in true }
            client.flush()
            while case .bytes(let bytes) = receive(others) { received += bytes.count }
            rounds += 1
        }
        #expect(rounds > 2)
        #expect(received > EventTail(path: folder.events).end)
    }
}

@Suite(.timeLimit(.minutes(1)), .serialized) struct `the daemon` {
    static let slow: [String: JSON] = ["seconds_per_step": .double(0.02)]

    @Test func `a run is launched, told and over, and its slot is held meanwhile`() async throws {
        let node = try LiveNode()
        let inventory = try await node.open()
        #expect(inventory.gpus == .noDriver)
        #expect(inventory.plugins.map(\.name).contains("scripted"))
        #expect(inventory.plugins.map(\.name).contains("unruly"))
        #expect(inventory.slots.map(\.state) == [.free, .free])
        let key = RunKey.trial(0)
        node.link.send(.launch(launch: .of(key, steps: 30)))
        #expect(try await node.inventory().slots.map(\.state) == [.held(by: key), .free])
        let events = try await node.events(of: key)
        #expect(events.steps == Array(1...30))
        #expect(events.ending == .completed)
        try await node.idle()
    }

    @Test func `orders and news do not pass through attach, and the link ends where it does`() async throws {
        let node = try LiveNode()
        try await node.open()
        let attach = try #require(
            ProcessEntry.children(of: getpid()).first { pid in
                let words = String(decoding: contents("/proc/\(pid)/cmdline") ?? [], as: UTF8.self)
                return words.contains("attach\0") && words.contains(node.scratch.path)
            })
        kill(attach, SIGSTOP)
        node.link.send(.launch(launch: .of(.trial(0), steps: 3)))
        #expect(try await node.events(of: .trial(0)).steps == [1, 2, 3])
        kill(attach, SIGKILL)
        try await node.connected()
    }

    @Test func `checkpoints that an earlier daemon was removing are removed by the next`() async throws {
        let node = try LiveNode()
        let left = node.scratch.path + "/trash.1.2"
        try FileManager.default.createDirectory(atPath: left + "/step_1", withIntermediateDirectories: true)
        try await node.open()
        while access(left, F_OK) == 0 { try await Task.sleep(for: .milliseconds(5)) }
    }

    @Test func `a second launch changes nothing`() async throws {
        let node = try LiveNode()
        try await node.open()
        let key = RunKey.trial(0)
        for _ in 0..<3 { node.link.send(.launch(launch: .of(key))) }
        let first = try await node.events(of: key)
        node.link.send(.launch(launch: .of(key)))
        node.link.send(.follow(study: LiveNode.study, offsets: []))
        #expect(try await node.events(of: key) == first)
        #expect(first.filter { if case .started = $0.event { true } else { false } }.count == 1)
    }

    @Test func `a slot that is held is refused, with the run that holds it`() async throws {
        let node = try LiveNode()
        try await node.open()
        node.link.send(.launch(launch: .of(.trial(0), "scripted", Self.slow, steps: 1_000)))
        node.link.send(.launch(launch: .of(.trial(1))))
        #expect(try await node.refusal(of: .trial(1)) == "cpu0 is held by \(RunKey.trial(0))")
        #expect(access(node.folder(of: .trial(1)).path, F_OK) != 0)
        node.link.send(.launch(launch: .of(.trial(2), slots: [.cpu(index: 2)])))
        #expect(try await node.refusal(of: .trial(2)) == "there is no cpu2 here, only cpu0, cpu1")
    }

    @Test func `a plugin that is not there or a wrong name is refused, and nothing is left behind`()
        async throws
    {
        let node = try LiveNode()
        try await node.open()
        func refusal(_ plugin: String, _ start: Launch.Start) async throws -> String {
            node.link.send(.launch(launch: .of(.trial(0), plugin, start: start)))
            return try await node.refusal(of: .trial(0))
        }
        #expect(try await refusal("nothing", .fresh).hasPrefix("there is no plugin nothing in "))
        #expect(try await refusal("../scripted", .fresh).hasPrefix("there is no plugin"))
        let unsafe = Checkpoint(run: RunKey.trial(7).run, name: "../../..", step: 10)
        #expect(try await refusal("scripted", .resume(from: unsafe, step: 10)).contains("no folder name"))
        #expect(access(node.folder(of: .trial(0)).path, F_OK) != 0)
    }

    @Test
    func `a run whose checkpoint is not there has failed by the node's fault, which waiting would not mend`()
        async throws
    {
        let node = try LiveNode()
        try await node.open()
        let missing = Checkpoint(run: RunKey.trial(7).run, name: "step_10", step: 10)
        node.link.send(.launch(launch: .of(.trial(0), start: .warm(from: missing))))
        let ending = try await node.events(of: .trial(0)).ending
        guard case .failed(let failure) = ending, case .node(let reason) = failure.cause else {
            return #expect(Bool(false), "it ended with \(String(describing: ending))")
        }
        #expect(reason.contains("is not on this node") && reason.contains("step_10"))
        node.link.send(.launch(launch: .of(.trial(1))))
        #expect(try await node.events(of: .trial(1)).ending == .completed)
    }

    @Test func `killing the daemon loses nothing and doubles nothing`() async throws {
        let node = try LiveNode()
        try await node.open()
        let key = RunKey.trial(0)
        node.link.send(.launch(launch: .of(key, "scripted", Self.slow, steps: 100)))
        var events = try await node.events(of: key) {
            if case .report(let it) = $0 { it.step >= 10 } else { false }
        }
        node.killDaemon()
        try await node.connected()
        let offset = RunOffset(run: key.run, end: try #require(events.last).end)
        node.link.send(.follow(study: LiveNode.study, offsets: [offset]))
        let runs = try await node.news { if case .runs(_, let runs) = $0 { runs } else { nil } }
        #expect(runs.map(\.run) == [key.run])
        #expect(runs.first?.isAlive == true)
        events += try await node.events(of: key)
        #expect(events.steps == Array(1...100))
        #expect(events.ending == .completed)
        #expect(events.map(\.end) == events.map(\.end).sorted())
    }

    @Test func `a run that ended while no daemon was there is told by the next one`() async throws {
        let node = try LiveNode()
        try await node.open()
        let key = RunKey.trial(0)
        node.link.send(.launch(launch: .of(key, "scripted", Self.slow, steps: 1_000)))
        let events = try await node.events(of: key) { if case .report = $0 { true } else { false } }
        guard case .started(let pid, _) = events[0].event else { return #expect(Bool(false)) }
        node.killDaemon()
        kill(-pid, SIGKILL)
        try await node.open()
        #expect(try await node.events(of: key).ending?.cause == .vanished)
    }

    @Test func `a plugin that is killed has vanished, and its trainer with it`() async throws {
        let node = try LiveNode()
        try await node.open()
        let key = RunKey.trial(0)
        node.link.send(.launch(launch: .of(key, "scripted", Self.slow, steps: 1_000)))
        let events = try await node.events(of: key) { if case .report = $0 { true } else { false } }
        guard case .started(let pid, _) = events[0].event else { return #expect(Bool(false)) }
        kill(pid, SIGKILL)
        #expect(try await node.events(of: key).ending?.cause == .vanished)
        try await node.idle()
        #expect(RunProcesses.of(node.folder(of: key), leader: nil).isEmpty)
    }

    @Test func `a stop is obeyed`() async throws {
        let node = try LiveNode()
        try await node.open()
        let key = RunKey.trial(0)
        node.link.send(.launch(launch: .of(key, "scripted", Self.slow, steps: 1_000)))
        _ = try await node.events(of: key) { if case .report = $0 { true } else { false } }
        node.link.send(.stop(run: key, order: StopOrder(save: false, reason: "outranked")))
        #expect(try await node.events(of: key).ending == .stopped)
    }

    @Test func `a plugin that is deaf to its stop is ended by the agent`() async throws {
        let node = try LiveNode()
        try await node.open()
        let key = RunKey.trial(0)
        node.link.send(.launch(launch: .of(key, "unruly", ["way": .string("deaf")], grace: 0)))
        _ = try await node.events(of: key) { if case .started = $0 { true } else { false } }
        node.link.send(.stop(run: key, order: StopOrder(save: false, reason: "outranked")))
        #expect(try await node.events(of: key).ending == .stopped)
        try await node.idle()
    }

    @Test func `a process that left for a session of its own is killed at the run's end`() async throws {
        let node = try LiveNode()
        try await node.open()
        let key = RunKey.trial(0)
        node.link.send(.launch(launch: .of(key, "unruly", ["way": .string("leaver")])))
        #expect(try await node.events(of: key).ending == .completed)
        try await node.idle()
        let left = try #require(contents(node.folder(of: key).path + "/left"))
        let pid = try #require(Int32(String(decoding: left, as: UTF8.self)))
        #expect(ProcessEntry(pid: pid) == nil)
    }

    @Test func `a plugin that ends before it began is the node's failure, with its last words`() async throws
    {
        let node = try LiveNode()
        try await node.open()
        node.link.send(.launch(launch: .of(.trial(0), "unruly", ["way": .string("mute")])))
        guard case .failed(let failure) = try await node.events(of: .trial(0)).ending else {
            return #expect(Bool(false))
        }
        #expect(failure.isInfrastructure)
        #expect(failure.lastLines == ["no words"])
    }

    @Test func `a line that is too long to be an event is passed over`() async throws {
        let node = try LiveNode()
        try await node.open()
        node.link.send(.launch(launch: .of(.trial(0), "unruly", ["way": .string("oversized")])))
        #expect(try await node.events(of: .trial(0)).steps == [1, 2])
    }

    @Test func `two coordinators of two studies share the node`() async throws {
        let node = try LiveNode()
        try await node.open()
        let other = try LiveNode(scratch: node.scratch)
        try await other.open()
        let theirs = RunKey(study: StudyID(rawValue: "other")!, run: RunKey.trial(0).run)
        node.link.send(.launch(launch: .of(.trial(0), "scripted", Self.slow, steps: 50)))
        other.link.send(.follow(study: theirs.study, offsets: []))
        other.link.send(.launch(launch: .of(theirs, slots: [.cpu(index: 1)])))
        #expect(try await other.events(of: theirs).steps == Array(1...20))
        #expect(try await node.events(of: .trial(0)).steps == Array(1...50))
    }

    @Test func `a socket that a dead daemon left behind is no obstacle`() async throws {
        let node = try LiveNode()
        try await node.open()
        node.killDaemon()
        try await node.open()
        #expect(access(node.scratch.path + "/agent.sock", F_OK) == 0)
    }

    @Test func `checkpoints are removed, those that are not there are no fault`() async throws {
        let node = try LiveNode()
        try await node.open()
        let key = RunKey.trial(0)
        node.link.send(.launch(launch: .of(key, "scripted", ["checkpoint_every": .int(10)])))
        let events = try await node.events(of: key)
        let names = events.compactMap { if case .checkpoint(let name, _) = $0.event { name } else { nil } }
        #expect(names.count == 2)
        let folder = node.folder(of: key).checkpoints
        let wanted = [names[0], "never", "../checkpoints"].map {
            Checkpoint(run: key.run, name: $0, step: 10)
        }
        node.link.send(.removeCheckpoints(study: key.study, checkpoints: wanted))
        #expect(try await node.complaint().contains("\"../checkpoints\" is no folder name"))
        #expect(Spawn.names(in: folder) == [names[1]])
    }
}

/// Folders as an earlier daemon left them.
@Suite(.timeLimit(.minutes(1)), .serialized) struct `a daemon that finds runs` {
    let scratch: Scratch
    let key = RunKey.trial(0)
    let folder: TrialFolder

    init() throws {
        scratch = try Scratch()
        folder = TrialFolder(path: "\(scratch.path)/runs/\(key.folder)")
        try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
    }

    func leave(_ plugin: String, _ events: [RunEvent] = []) throws {
        let nowhere: (Checkpoint) -> String = { $0.name }
        try folder.publish(Launch.of(key, plugin).located(by: nowhere), at: folder.spec)
        for event in events { try folder.append(event) }
    }

    @Test func `it starts the plugin that was not started any more`() async throws {
        try leave("scripted")
        let node = try LiveNode(scratch: scratch)
        try await node.open()
        #expect(try await node.events(of: key).steps == Array(1...20))
    }

    @Test func `it ends a run whose plugin is not there any more`() async throws {
        try leave("forgotten")
        let node = try LiveNode(scratch: scratch)
        try await node.open()
        let cause = try await node.events(of: key).ending?.cause
        #expect("\(String(describing: cause))".contains("there is no plugin forgotten"))
    }

    @Test func `it kills what is left of a run that has ended`() async throws {
        try leave("scripted", [.started(pid: 1, startTime: 1), .ended(ending: .completed)])
        var command = Program(["sleep", "1000"])
        command.environment = [TrialFolder.environmentMark: folder.path]
        command.leadsSession = true
        let child = try command.spawn()
        let node = try LiveNode(scratch: scratch)
        try await node.open()
        try await node.idle()
        #expect(child.endIfOver() == .signal(SIGKILL))
        #expect(folder.readTail().last == .ended(ending: .completed))
    }
}

@Suite(.timeLimit(.minutes(1)), .serialized) struct `the daemon's GPUs` {
    func node(_ standIn: String) throws -> LiveNode {
        try LiveNode(["--nvidia-smi", LiveNode.standIns + "/nvidia-smi-" + standIn])
    }

    @Test func `GPUs are offered, but not the one with somebody else's process`() async throws {
        let node = try node("two-gpus")
        let slots = try await node.open().slots
        #expect(slots.map(\.slot) == [.gpu(index: 0), .gpu(index: 1)])
        #expect(slots[0].state == .free)
        #expect(
            slots[1].state == .unavailable(reason: "process 1 of somebody else is on it, 30211 MiB in use"))
        node.link.send(.launch(launch: .of(.trial(0), slots: [.gpu(index: 1)])))
        #expect(try await node.refusal(of: .trial(0)).hasPrefix("gpu1 is not available: process 1"))
    }

    @Test func `a run on a GPU uses the cores near it, and one on a GPU of unknown place all`() async throws {
        let cores = try #require(Cores.ofThisThread).numbers.sorted()
        let driver = try Scratch()
        func place(_ gpu: String, _ name: String, near list: String?) throws {
            let (information, device) = ("\(driver.path)/gpus/\(name)", "\(driver.path)/bus/\(name)")
            for folder in [information, device] {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            }
            try Data("Model: \t NVIDIA H100\nGPU UUID: \t \(gpu)\n".utf8).write(
                to: URL(filePath: information + "/information"))
            if let list { try Data(list.utf8).write(to: URL(filePath: device + "/local_cpulist")) }
        }
        try place("GPU-aaaa", "0000:3b:00.0", near: "\(cores.last!)\n")
        try place("GPU-bbbb", "0000:5e:00.0", near: nil)
        let node = try LiveNode([
            "--nvidia-smi", LiveNode.standIns + "/nvidia-smi-free-gpus", "--driver-folder", driver.path,
            "--bus-folder", driver.path + "/bus",
        ])
        _ = try await node.open()
        for (trial, gpu, expected) in [(0, 0, [cores.last!]), (1, 1, cores)] {
            let key = RunKey.trial(trial)
            node.link.send(
                .launch(
                    launch: .of(
                        key, "scripted", ["seconds_per_step": .double(60)], slots: [.gpu(index: gpu)])))
            _ = try await node.events(of: key) { if case .started = $0 { true } else { false } }
            for pid in RunProcesses.of(node.folder(of: key)) {
                let status = String(decoding: contents("/proc/\(pid)/status") ?? [], as: UTF8.self)
                let line = try #require(
                    status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") })
                #expect(Cores(list: trimmed(line.dropFirst(18)))?.numbers == Set(expected))
            }
        }
    }

    @Test func `sick GPUs are set aside with the reason, and the sound one beside them is offered`()
        async throws
    {
        let node = try node("sick")
        let states = try await node.open().slots.map(\.state)
        try #require(states.count == 5)
        #expect(states[0] == .free)
        for (state, why) in zip(
            states.dropFirst(), ["has no instances", "3 uncorrected ECC errors", "Prohibited", "Xid"])
        {
            guard case .unavailable(let reason) = state else { return #expect(Bool(false), "\(state)") }
            #expect(reason.contains(why))
        }
        let log = contents(node.scratch.path + "/agent.log").map { String(decoding: $0, as: UTF8.self) }
        #expect(log?.contains("Unable to determine the device handle for GPU0000:02:00.0") == true)
    }

    @Test func `each MIG device is leased by itself, seen by its uuid, and goes back when its memory does`()
        async throws
    {
        let scratch = try Scratch()
        _ = symlink(LiveNode.standIns + "/nvidia-smi-mig", scratch.path + "/nvidia-smi")
        // Not found by its name in the folder of the tests: the stand-in looks for its figures beside the link.
        let program = scratch.path + "/run-nvidia-smi"
        try "#!/bin/sh\nexec sh '\(scratch.path)/nvidia-smi' \"$@\"\n".write(
            toFile: program, atomically: true, encoding: .utf8)
        chmod(program, 0o700)
        func use(_ text: String) throws {
            try text.write(toFile: scratch.path + "/used", atomically: true, encoding: .utf8)
        }
        try use("12")
        let node = try LiveNode(["--nvidia-smi", program], scratch: scratch)
        let entries = try await node.open().slots
        #expect(
            entries.map(\.slot.description) == [
                "gpu0/gi2/ci0", "gpu0/gi3/ci0", "gpu0/gi5/ci0", "gpu1", "gpu2",
            ])
        #expect([0, 1, 4].allSatisfy { entries[$0].state == .free })
        #expect(
            entries[2].state == .unavailable(reason: "process 1 of somebody else is on it, 905 MiB in use"))
        guard case .unavailable(let none) = entries[3].state else {
            return #expect(Bool(false), "\(entries)")
        }
        #expect(none.contains("has no instances"))
        let slot = Slot.mig(gpu: 0, instance: 3, compute: 0)
        node.link.send(
            .launch(
                launch: .of(.trial(0), "scripted", ["seconds_per_step": .double(0.05)], slots: [slot])))
        _ = try await node.events(of: .trial(0)) { if case .report = $0 { true } else { false } }
        let folder = node.folder(of: .trial(0))
        let environments = node.environments(of: .trial(0))
        #expect(!environments.isEmpty)
        #expect(environments.allSatisfy { $0.contains("CUDA_VISIBLE_DEVICES=MIG-2222") })
        try use("4000")
        while !folder.readTail().hasEnded || !RunProcesses.of(folder, leader: nil).isEmpty {
            try await Task.sleep(for: .milliseconds(20))
        }
        node.link.send(.launch(launch: .of(.trial(1), slots: [slot])))
        #expect(try await node.refusal(of: .trial(1)) == "gpu0/gi3/ci0 is held by gpt-1a2b/0.0#0")
        try use("12")
        _ = try await node.inventory { $0.slots[1].state == .free }
        node.link.send(.launch(launch: .of(.trial(1), slots: [slot])))
        #expect(try await node.events(of: .trial(1)).ending == .completed)
    }

    @Test func `a driver that does not tell of Xid errors is helped by the kernel's log`() async throws {
        let scratch = try Scratch()
        let gpu = scratch.path + "/gpus/0000:3b:00.0"
        try FileManager.default.createDirectory(atPath: gpu, withIntermediateDirectories: true)
        try "GPU UUID: \t GPU-aaaa\n".write(toFile: gpu + "/information", atomically: true, encoding: .utf8)
        try "4,7,7,-;NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus.\n".write(
            toFile: scratch.path + "/kmsg", atomically: true, encoding: .utf8)
        let node = try LiveNode(
            [
                "--nvidia-smi", LiveNode.standIns + "/nvidia-smi-old", "--kernel-log", scratch.path + "/kmsg",
                "--driver-folder", scratch.path,
            ], scratch: scratch)
        guard case .unavailable(let reason)? = try await node.open().slots.first?.state else {
            return #expect(Bool(false), "a GPU with Xid 79 is offered")
        }
        #expect(reason.contains("Xid 79 for it, the GPU has fallen off the bus"))
    }

    @Test func `one question to nvidia-smi after the run's end gives the GPU back`() async throws {
        let scratch = try Scratch()
        let program = scratch.path + "/nvidia-smi"
        try """
        #!/bin/sh
        echo "$1" >>'\(scratch.path)/asked'
        case "$1" in
        *recovery*) echo '0, GPU-a, H100, 81559, 4, Disabled, Default, 0, None' ;;
        --query-gpu=*) echo '0, GPU-a, H100, 81559, 4' ;;
        esac
        """.write(toFile: program, atomically: true, encoding: .utf8)
        chmod(program, 0o700)
        let node = try LiveNode(["--nvidia-smi", program], scratch: scratch)
        try await node.open()
        let asked = { (contents(scratch.path + "/asked") ?? []).split(separator: UInt8(ascii: "\n")).count }
        node.link.send(
            .launch(
                launch: .of(
                    .trial(0), "scripted", ["seconds_per_step": .double(0.5)], steps: 2,
                    slots: [.gpu(index: 0)])))
        // By then the surveys of the beginning are over.
        _ = try await node.events(of: .trial(0)) { if case .report = $0 { true } else { false } }
        let before = asked()
        _ = try await node.events(of: .trial(0))
        _ = try await node.inventory { $0.slots.first?.state == .free }
        #expect(asked() == before + 1)
    }

    @Test func `a driver that does not know every field is asked for those that it knows`() async throws {
        let inventory = try await node("old").open()
        #expect(inventory.slots.map(\.state) == [.free])
        let states = try await node("r535").open().slots.map(\.state)
        guard case .unavailable(let reason)? = states.first else { return #expect(Bool(false), "\(states)") }
        #expect(reason.contains("7 uncorrected ECC errors"))
    }

    @Test func `a launch that comes before the first survey waits for it, and so does its stop`() async throws
    {
        let node = try scripted("sleep 0.3; echo '0, GPU-a, H100, 81559, 4, Disabled, Default, 0, None'")
        try await node.connected()
        node.link.send(.follow(study: LiveNode.study, offsets: []))
        let gpu = [Slot.gpu(index: 0)]
        node.link.send(
            .launch(launch: .of(.trial(0), "scripted", `the daemon`.slow, steps: 5_000, slots: gpu)))
        node.link.send(.stop(run: .trial(0), order: StopOrder(save: false, reason: "early")))
        #expect(try await node.events(of: .trial(0)).ending == .stopped)
    }

    @Test func `after a good survey, one that fails takes no GPU away for good`() async throws {
        let node = try scripted("echo '0, GPU-a, H100, 81559, 4, Disabled, Default, 0, None'")
        #expect(try await node.open().slots.map(\.state) == [.free])
        let fault = node.scratch.path + "/fault"
        try "".write(toFile: fault, atomically: true, encoding: .utf8)
        node.link.send(.survey)
        let doubted = try await node.inventory { $0.slots.first?.state != .free }
        guard case .unavailable(let why)? = doubted.slots.first?.state else { return }
        #expect(why.contains("cannot be told now") && why.contains("driver is gone"))
        unlink(fault)
        node.link.send(.survey)
        try await node.idle()
    }

    /// A node whose nvidia-smi runs a line of shell for its GPUs, and fails while a file `fault` is beside it.
    private func scripted(_ line: String) throws -> LiveNode {
        let scratch = try Scratch()
        let program = scratch.path + "/nvidia-smi"
        try """
        #!/bin/sh
        [ ! -e '\(scratch.path)/fault' ] || { echo "the driver is gone"; exit 9; }
        case "$1" in
        --query-gpu=*) \(line) ;;
        esac
        """.write(toFile: program, atomically: true, encoding: .utf8)
        chmod(program, 0o700)
        return try LiveNode(["--nvidia-smi", program], scratch: scratch)
    }

    @Test func `a run sees its GPU by uuid, and the GPU goes back only when its memory does`() async throws {
        let node = try scripted(
            "echo \"0, GPU-aaaa, H100, 81559, $(cat \"${0%/*}/used\"), Disabled, Default, 0, None\"")
        func use(_ text: String) throws {
            try text.write(toFile: node.scratch.path + "/used", atomically: true, encoding: .utf8)
        }
        try use("4")
        try await node.open()
        node.link.send(
            .launch(
                launch: .of(
                    .trial(0), "scripted", ["seconds_per_step": .double(0.05)], slots: [.gpu(index: 0)])))
        _ = try await node.events(of: .trial(0)) { if case .report = $0 { true } else { false } }
        let folder = node.folder(of: .trial(0))
        let environments = node.environments(of: .trial(0))
        #expect(!environments.isEmpty)
        #expect(environments.allSatisfy { $0.contains("CUDA_VISIBLE_DEVICES=GPU-aaaa") })
        try use("70000")
        while !folder.readTail().hasEnded || !RunProcesses.of(folder, leader: nil).isEmpty {
            try await Task.sleep(for: .milliseconds(20))
        }
        // Nothing of it is left but the memory.
        node.link.send(.launch(launch: .of(.trial(1), slots: [.gpu(index: 0)])))
        #expect(try await node.refusal(of: .trial(1)) == "gpu0 is held by gpt-1a2b/0.0#0")
        try use("4")
        _ = try await node.events(of: .trial(0))
        try await node.idle()
        node.link.send(.launch(launch: .of(.trial(1), slots: [.gpu(index: 0)])))
        #expect(try await node.events(of: .trial(1)).ending == .completed)
    }

    @Test(arguments: [("broken", "couldn't communicate"), ("hanging", "did not answer within 10 s")])
    func `a node whose nvidia-smi fails offers nothing and says why`(standIn: String, why: String)
        async throws
    {
        let node = try node(standIn)
        let inventory = try await node.open()
        #expect(inventory.slots.isEmpty)
        guard case .failed(let said) = inventory.gpus else { return #expect(Bool(false)) }
        #expect(said.contains(why))
    }
}

extension RunEnding {
    var cause: RunFailure.Cause? {
        if case .failed(let failure) = self { failure.cause } else { nil }
    }
}
