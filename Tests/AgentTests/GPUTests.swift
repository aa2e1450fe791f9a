import FleetModel
import Spawn
import Testing

@testable import agent

@Suite struct `what nvidia-smi says` {
    @Test func `GPUs are read whatever spaces and commas stand there`() throws {
        let gpus = try GPUQuery.readDevices(
            " 1,GPU-b ,  Tesla, the new one,  16384 , 12 \n\n0, GPU-a, H100, 81559, [N/A]\r\n"
        ).gpus
        #expect(
            gpus == [
                GPU(index: 0, uuid: "GPU-a", name: "H100", memoryTotalMiB: 81559, memoryUsedMiB: 0),
                GPU(
                    index: 1, uuid: "GPU-b", name: "Tesla, the new one", memoryTotalMiB: 16384,
                    memoryUsedMiB: 12),
            ])
    }

    @Test(arguments: [
        "No devices were found", "0, GPU-a, H100, 81559", "x, GPU-a, H100, 1, 1", "0, a, H100, 1, 1",
        "0, GPU-a, H100, [N/A], 1", "0, GPU-a, H100, 1, -5", "0, GPU-a, A, 1, 1\n0, GPU-a, A, 1, 1",
    ])
    func `what is not as asked for is refused, naming the line`(text: String) {
        let unreadable = #expect(throws: GPUQuery.Unreadable.self) { try GPUQuery.readDevices(text) }
        #expect(unreadable?.line == text)
    }

    @Test(arguments: [
        ("Enabled, Default, 0, None", nil), ("Disabled, Default, 2, None", "2 uncorrected ECC errors"),
        ("[N/A], Prohibited, [N/A], [N/A]", "Prohibited"),
        ("[GPU requires reset], Default, 0, None", "[GPU requires reset]"),
        ("Disabled, Default, [GPU is lost], None", "[GPU is lost]"), ("[N/A], Default, [N/A], [N/A]", nil),
        ("Disabled, Exclusive_Process, 0, None", nil), ("Disabled, Default, 0, Reboot", "\"Reboot\""),
        ("[Unknown Error], [Unknown Error], [Unknown Error], [Unknown Error]", nil),
    ])
    func `what is wrong with a GPU is told from its health`(health: String, why: String?) throws {
        let found = try GPUQuery.readDevices(
            "0, GPU-a, H, the big one, 81559, 4, \(health)", GPUQuery.health[0])
        #expect(found.gpus.map(\.name) == ["H, the big one"])
        if let why { #expect(found.sick["GPU-a"]?.contains(why) == true) } else { #expect(found.sick == [:]) }
    }

    @Test func `where nvidia-smi ended badly, good lines count beside its complaints`() throws {
        let said = "0, GPU-a, H100, 81559, 4\nUnable to determine the device handle for GPU0000:02:00.0"
        #expect(throws: GPUQuery.Unreadable.self) { try GPUQuery.readDevices(said) }
        let found = try GPUQuery.readDevices(said, isWhole: false)
        #expect(found.gpus.map(\.uuid) == ["GPU-a"])
        #expect(found.complaints.count == 1)
    }

    @Test func `processes are gathered by GPU`() throws {
        let text = "GPU-a, 17, 100\nGPU-a, 18, [N/A]\nGPU-b, 19, 5\n"
        #expect(try GPUQuery.readProcesses(text) == ["GPU-a": [17, 18], "GPU-b": [19]])
        #expect(throws: GPUQuery.Unreadable.self) { try GPUQuery.readProcesses("GPU-a, [N/A], 5") }
    }

    @Test func `no nvidia-smi is no driver only where there is none`() {
        let none = ErrandResult.failure(.notFound(program: "nvidia-smi"))
        func survey(hasDriver: Bool) -> GPUSurvey {
            GPUFindings(devices: none, processes: none, health: [], hasDriver: hasDriver).survey
        }
        #expect(survey(hasDriver: false) == .noDriver)
        guard case .failed = survey(hasDriver: true) else {
            Issue.record("a host with a driver and no nvidia-smi looks like one without GPUs")
            return
        }
    }

    @Test func `a failure of either question is a failure, with what was said`() {
        let broken = ErrandResult.failure(.ended(program: "nvidia-smi", how: .exit(9), said: "driver lost"))
        let findings = GPUFindings(
            devices: .success(""), processes: broken, health: [], hasDriver: true)
        guard case .failed(let why) = findings.survey else {
            Issue.record("found \(findings.survey)")
            return
        }
        #expect(why.contains("driver lost"))
    }
}

@Suite struct `slots of a node` {
    static let run = RunKey(
        study: StudyID(rawValue: "s")!, run: RunID(trial: TrialID(stage: 0, number: 1), attempt: 0))

    static func gpu(_ index: Int, usedMiB: Int = 4) -> GPU {
        GPU(index: index, uuid: "GPU-\(index)", name: "H100", memoryTotalMiB: 81559, memoryUsedMiB: usedMiB)
    }

    static func slots(_ gpus: [GPU], processes: [String: Set<Int32>] = [:], wereHeld: Set<Slot> = []) -> Slots
    {
        var findings = GPUFindings(
            devices: .success(""), processes: .success(""), health: [], hasDriver: true)
        findings.survey = .found(gpus: gpus)
        findings.processes = processes
        return Slots(findings: findings, cpuSlots: 3, heldWhenSurveyed: wereHeld)
    }

    func states(_ slots: Slots, holders: [Slot: RunKey] = [:], ours: Set<Int32> = []) -> [SlotState] {
        slots.entries(holders: holders, isOurs: ours.contains).map(\.state)
    }

    @Test func `a GPU with somebody's process or memory is not available, an empty one is`() {
        let slots = Self.slots(
            [Self.gpu(0), Self.gpu(1), Self.gpu(2, usedMiB: 501)], processes: ["GPU-1": [4711]])
        let states = states(slots)
        #expect(states[0] == .free)
        #expect(states[1] == .unavailable(reason: "process 4711 of somebody else is on it, 4 MiB in use"))
        #expect(states[2] == .unavailable(reason: "501 MiB are in use, and not by a run of ours"))
    }

    @Test func `a GPU that our run holds is held, and free at once when the run is over`() {
        let busy = Self.slots(
            [Self.gpu(0, usedMiB: 70_000)], processes: ["GPU-0": [5]], wereHeld: [.gpu(index: 0)])
        #expect(states(busy, holders: [.gpu(index: 0): Self.run], ours: [5]) == [.held(by: Self.run)])
        #expect(states(busy) == [.free])
    }

    @Test func `while the GPUs cannot be surveyed, those known before stay known and are not leased`() {
        var slots = Self.slots([Self.gpu(0), Self.gpu(1)])
        slots.doubt = "nvidia-smi did not answer"
        #expect(
            states(slots, holders: [.gpu(index: 0): Self.run]) == [
                .held(by: Self.run),
                .unavailable(reason: "its state cannot be told now: nvidia-smi did not answer"),
            ])
    }

    @Test func `no driver gives CPU slots, a failed survey gives none`() {
        var slots = Self.slots([])
        slots.findings.survey = .noDriver
        #expect(states(slots) == [.free, .free, .free])
        slots.findings.survey = .failed(stderr: "broken")
        #expect(states(slots).isEmpty)
    }

    @Test func `a refusal says who holds the slot, or why there is none`() {
        let entries = Self.slots([Self.gpu(0), Self.gpu(1, usedMiB: 900)])
            .entries(holders: [.gpu(index: 0): Self.run], isOurs: { _ in false })
        func refusal(_ slots: [Slot], _ survey: GPUSurvey = .noDriver) -> String? {
            Slots.refusal(of: slots, among: entries, survey: survey)
        }
        #expect(refusal([.gpu(index: 0)]) == "gpu0 is held by s/0.1#0")
        #expect(refusal([.gpu(index: 1)])?.contains("900 MiB") == true)
        #expect(refusal([.cpu(index: 0)]) == "there is no cpu0 here, only gpu0, gpu1")
        #expect(refusal([.cpu(index: 0)], .failed(stderr: "broken"))?.contains("broken") == true)
        #expect(refusal([])?.contains("no slot") == true)
    }
}
