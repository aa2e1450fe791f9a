import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Testing

@testable import agent

@Suite struct `what nvidia-smi says of MIG` {
    /// As `nvidia-smi -q -x` prints it, cut to what is read and some that is not.
    static func log(devices: String = "None", processes: String = "", used: String = "N/A") -> String {
        """
        <?xml version="1.0" ?>
        <!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">
        <nvidia_smi_log>
        \t<attached_gpus>1</attached_gpus>
        \t<gpu id="00000000:07:00.0">
        \t\t<mig_mode>
        \t\t\t<current_mig>Enabled</current_mig>
        \t\t</mig_mode>
        \t\t<mig_devices>
        \t\t\t\(devices)
        \t\t</mig_devices>
        \t\t<uuid>GPU-a</uuid>
        \t\t<fb_memory_usage>
        \t\t\t<total>81920 MiB</total>
        \t\t\t<used>\(used)</used>
        \t\t</fb_memory_usage>
        \t\t<processes>
        \t\t\t\(processes)
        \t\t</processes>
        \t</gpu>
        </nvidia_smi_log>
        """
    }

    static func device(_ index: Int, instance: Int, compute: Int = 0, usedMiB: Int = 12) -> String {
        """
        <mig_device>
            <index>\(index)</index>
            <gpu_instance_id>\(instance)</gpu_instance_id>
            <compute_instance_id>\(compute)</compute_instance_id>
            <device_attributes><shared><multiprocessor_count>14</multiprocessor_count></shared></device_attributes>
            <fb_memory_usage><total>9728 MiB</total><used>\(usedMiB) MiB</used></fb_memory_usage>
            <bar1_memory_usage><total>16383 MiB</total><used>0 MiB</used></bar1_memory_usage>
        </mig_device>
        """
    }

    static func process(_ pid: Int32, instance: String, name: String = "python3") -> String {
        """
        <process_info><gpu_instance_id>\(instance)</gpu_instance_id><compute_instance_id>0</compute_instance_id>\
        <pid>\(pid)</pid><type>C</type><process_name>\(name)</process_name><used_memory>93 MiB</used_memory>\
        </process_info>
        """
    }

    static func findings(list: String, log: String) -> MIGFindings {
        MIGFindings(list: .success(list), log: .success(log), of: ["GPU-a"])
    }

    @Test
    func `the list is read in the forms of old and new drivers, with parts of instances and other profiles`()
        throws
    {
        let listed = try MIGQuery.readList(
            """
            GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-a)
              MIG 1c.3g.40gb  Device  0: (UUID: MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f)
              MIG 1g.10gb+me  Device  1: (UUID: MIG-2)
            GPU 1: A100-SXM4-40GB (UUID: GPU-b)
              MIG 1g.5gb Device 0: (UUID: MIG-GPU-b/7/0)
            GPU 2: NVIDIA H100 (UUID: GPU-c)
            """)
        #expect(
            listed == [
                "GPU-a": [
                    .init(index: 0, profile: "1c.3g.40gb", uuid: "MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f"),
                    .init(index: 1, profile: "1g.10gb+me", uuid: "MIG-2"),
                ], "GPU-b": [.init(index: 0, profile: "1g.5gb", uuid: "MIG-GPU-b/7/0")],
            ])
    }

    @Test(arguments: [
        "MIG 1g.5gb Device 0: (UUID: MIG-1)", "GPU 0: A (UUID: GPU-a)\nMIG 1g.5gb Device x: (UUID: MIG-1)",
        "GPU 0: A (UUID: GPU-a)\nMIG 1g.5gb Device 0: (UUID: GPU-1)",
        "GPU 0: A (UUID: GPU-a)\nMIG Device 0: (UUID: MIG-1",
    ])
    func `a MIG device without GPU, number or uuid is refused`(text: String) {
        #expect(throws: GPUQuery.Unreadable.self) { try MIGQuery.readList(text) }
    }

    @Test func `devices, memory and processes are read from the log, whatever a process calls itself`() throws
    {
        let log = try SMILog(
            Self.log(
                devices: Self.device(0, instance: 2, usedMiB: 30) + Self.device(1, instance: 9),
                processes: Self.process(7, instance: "9", name: "<odd> & </name")
                    + Self.process(8, instance: "9")
                    + Self.process(9, instance: "N/A")))
        let place = SMILog.Place(instance: 9, compute: 0)
        #expect(log.gpus.map(\.uuid) == ["GPU-a"])
        #expect(log.gpus[0].memoryUsedMiB == nil)
        #expect(log.gpus[0].devices.map(\.memoryUsedMiB) == [30, 12])
        #expect(log.gpus[0].devices.map(\.place.instance) == [2, 9])
        #expect(log.gpus[0].processes == [place: [7, 8]])
        #expect(try SMILog(Self.log(used: "417 MiB")).gpus[0].memoryUsedMiB == 417)
    }

    @Test(arguments: [
        "", "No devices were found", String(log().dropLast(20)),
        log(devices: "<mig_device><index>0</index></mig_device>"),
        log(devices: device(0, instance: 1).replacing("9728 MiB", with: "N/A")),
    ])
    func `a log that is cut off, or that does not name a device, is refused`(text: String) {
        #expect(throws: GPUQuery.Unreadable.self) { try SMILog(text) }
    }

    @Test func `list and log together name each device by its instances`() {
        let found = Self.findings(
            list: """
                GPU 0: A (UUID: GPU-a)
                  MIG 1g.10gb     Device  0: (UUID: MIG-x)
                  MIG 2g.20gb     Device  1: (UUID: MIG-y)
                """,
            log: Self.log(
                devices: Self.device(0, instance: 9) + Self.device(1, instance: 4, usedMiB: 700),
                processes: Self.process(7, instance: "4")))
        #expect(
            found.parts["GPU-a"] == [
                MIGDevice(
                    uuid: "MIG-y", profile: "2g.20gb", instance: 4, compute: 0, memoryTotalMiB: 9728,
                    memoryUsedMiB: 700),
                MIGDevice(
                    uuid: "MIG-x", profile: "1g.10gb", instance: 9, compute: 0, memoryTotalMiB: 9728,
                    memoryUsedMiB: 12),
            ])
        #expect(found.processes == ["MIG-y": [7]])
        #expect(found.unclear.isEmpty)
    }

    @Test func `where list and log do not fit, or one is missing, the GPU is set aside with the reason`() {
        let list = "GPU 0: A (UUID: GPU-a)\n  MIG 1g.10gb Device 0: (UUID: MIG-x)"
        #expect(
            Self.findings(list: list, log: Self.log()).unclear["GPU-a"]?.contains("just being changed")
                == true)
        let gone = ErrandResult.failure(.tooSlow(program: "nvidia-smi", seconds: 10))
        let found = MIGFindings(list: .success(list), log: gone, of: ["GPU-a"])
        #expect(found.unclear["GPU-a"]?.contains("did not answer within 10 s") == true)
        #expect(found.parts.isEmpty)
    }
}

@Suite struct `slots that MIG makes` {
    static func part(_ instance: Int, _ compute: Int = 0, usedMiB: Int = 12) -> MIGDevice {
        MIGDevice(
            uuid: "MIG-\(instance)\(compute)", profile: "1g.10gb", instance: instance, compute: compute,
            memoryTotalMiB: 9728, memoryUsedMiB: usedMiB)
    }

    static func slots(_ parts: [MIGDevice], wereHeld: Set<Slot> = []) -> Slots {
        `slots of a node`.slots(
            [
                GPU(
                    index: 3, uuid: "GPU-3", name: "H100", memoryTotalMiB: 81559, memoryUsedMiB: 0,
                    parts: parts)
            ], wereHeld: wereHeld)
    }

    func slot(_ instance: Int, _ compute: Int = 0) -> Slot {
        .mig(gpu: 3, instance: instance, compute: compute)
    }

    @Test func `each is a slot by its instances, and CUDA's name for it is its uuid`() {
        let slots = Self.slots([Self.part(7), Self.part(9)])
        let entries = slots.entries(holders: [:]) { _ in false }
        #expect(entries.map(\.slot.description) == ["gpu3/gi7/ci0", "gpu3/gi9/ci0"])
        #expect(entries.allSatisfy { $0.state == .free })
        #expect(slots.uuids(of: [slot(9)]) == ["MIG-90"])
        #expect(slots.uuids(of: [slot(8)]) == nil)
    }

    @Test func `a GPU without instances offers nothing and says what to do`() {
        let entries = Self.slots([]).entries(holders: [:]) { _ in false }
        #expect(entries.map(\.slot) == [.gpu(index: 3)])
        guard case .unavailable(let why)? = entries.first?.state else {
            Issue.record("\(entries)")
            return
        }
        #expect(why.contains("has no instances") && why.contains("nvidia-smi -i 3 -mig 0"))
    }

    @Test func `a process or memory of somebody else takes one device and not those beside it`() {
        var slots = Self.slots([Self.part(1), Self.part(2, usedMiB: 900), Self.part(3)])
        slots.findings.processes = ["MIG-30": [4711]]
        let states = slots.entries(holders: [:]) { _ in false }.map(\.state)
        #expect(states[0] == .free)
        #expect(states[1] == .unavailable(reason: "900 MiB are in use, and not by a run of ours"))
        #expect(states[2] == .unavailable(reason: "process 4711 of somebody else is on it, 12 MiB in use"))
    }

    @Test func `what is wrong with the GPU is wrong with all of its devices`() {
        var slots = Self.slots([Self.part(1), Self.part(2)])
        slots.findings.sick = ["GPU-3": "3 uncorrected ECC errors"]
        #expect(
            slots.entries(holders: [:]) { _ in false }.map(\.state)
                == Array(repeating: .unavailable(reason: "3 uncorrected ECC errors"), count: 2))
    }

    @Test func `compute instances that share memory do not take each other's for a stranger's`() {
        let run = `slots of a node`.run
        let slots = Self.slots([Self.part(1, 0, usedMiB: 9_000), Self.part(1, 1, usedMiB: 9_000)])
        let states = slots.entries(holders: [slot(1): run]) { _ in false }.map(\.state)
        #expect(states == [.held(by: run), .free])
        #expect(slots.areEmpty([slot(1, 1)], held: [slot(1)]))
        #expect(!slots.areEmpty([slot(1, 1)], held: []))
        #expect(Self.slots([Self.part(1)]).areEmpty([slot(1)], held: []))
    }

    @Test func `figures of memory are taken in by device`() {
        var findings = Self.slots([Self.part(2), Self.part(9)]).findings
        let log = `what nvidia-smi says of MIG`.self
        let text = log.log(devices: log.device(0, instance: 9, usedMiB: 800)).replacing(
            "GPU-a", with: "GPU-3")
        let isRead = findings.noteMemory(.success(text), isLog: true)
        #expect(isRead)
        guard case .found(let gpus) = findings.survey else { return }
        #expect(gpus[0].parts?.map(\.memoryUsedMiB) == [12, 800])
        let gone = [true, false].map { findings.noteMemory(.success("the driver is gone"), isLog: $0) }
        #expect(gone == [false, false])
    }
}

@Suite struct `Xid errors in the kernel's log` {
    static func reason(_ lines: String..., at place: String = "0000:3b:00.0") -> String? {
        var record = XidRecord()
        for line in lines { record.take(line) }
        return BusPlace(place).flatMap(record.reason)
    }

    @Test(arguments: [
        "NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
        "4,1201,881234567,-;NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus.",
        "NVRM: Xid (0000:3b:00): 79, GPU has fallen off the bus.",
        "NVRM: Xid (PCI:0000:3B:00 GPU-I:05): 79, x",
    ])
    func `one that asks for a reset sets aside the GPU that it names`(line: String) {
        #expect(Self.reason(line)?.contains("Xid 79") == true)
        #expect(Self.reason(line, at: "0000:3c:00.0") == nil)
    }

    @Test(arguments: [13, 31, 43, 45, 63, 92, 94, 154, 4_711])
    func `one that is the application's, or mended by itself, does not`(number: Int) {
        #expect(Self.reason("NVRM: Xid (PCI:0000:3b:00): \(number), pid=4711, name=python") == nil)
    }

    @Test(arguments: [46, 48, 64, 74, 79, 95, 119, 120, 140])
    func `those that need a reset do`(number: Int) {
        #expect(Self.reason("NVRM: Xid (PCI:0000:3b:00): \(number), x")?.contains("Xid \(number) ") == true)
    }

    @Test(arguments: [
        "NVRM: Xid (PCI:0000:3b): 79, x", "NVRM: Xid (PCI:0000:3b:00: 79, x", "NVRM: Xid (): 79",
        "NVRM: Xid error: 79", "NVRM: Xid (PCI:0000:3b:00): , x", "NVRM: GPU 0000:3b:00.0: 79", "",
    ])
    func `lines that only look like one are passed over`(line: String) {
        #expect(Self.reason(line) == nil)
    }

    @Test func `loading the driver anew forgets them`() {
        let bad = "NVRM: Xid (PCI:0000:3b:00): 119, Timeout after 6s of waiting for RPC response"
        let loaded =
            "NVRM: loading NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023"
        #expect(Self.reason(bad, loaded) == nil)
        #expect(Self.reason(loaded, bad, bad) != nil)
    }

    @Test func `the log is read as it grows, and the driver's files say which GPU is where`() throws {
        let scratch = try Scratch()
        let gpu = scratch.path + "/gpus/0000:3b:00.0"
        try FileManager.default.createDirectory(atPath: gpu, withIntermediateDirectories: true)
        try "Model: \t\t NVIDIA A100\nGPU UUID: \t GPU-a\n".write(
            toFile: gpu + "/information", atomically: true, encoding: .utf8)
        let path = scratch.path + "/kmsg"
        func append(_ text: String) throws {
            let descriptor = try checked("open") { open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600) }
            defer { close(descriptor) }
            try writeAll(Array(text.utf8), to: descriptor)
        }
        try append(
            "5,0,0,-;Linux version 6\n6,1,1,-;usb 1-1: new\n4,2,2,-;NVRM: Xid (PCI:0000:3b:00): 31, x\n4,3,")
        let log = KernelLog(path: path)
        log.look()
        #expect(log.reasons(of: DriverFolder(path: scratch.path)).isEmpty)
        try append("3,-;NVRM: Xid (PCI:0000:3b:00): 95, pid=1\n")
        log.look()
        #expect(log.reasons(of: DriverFolder(path: scratch.path))["GPU-a"]?.contains("Xid 95") == true)
        let none = KernelLog(path: scratch.path + "/none")
        none.look()
        #expect(none.reasons(of: DriverFolder(path: scratch.path)).isEmpty)
    }

    @Test func `they count where the driver does not itself say what is to be done`() {
        func sick(_ health: String, _ fields: [String]) -> [String: String] {
            GPUFindings(
                devices: .success("0, GPU-a, H100, 81559, 4, \(health)"), processes: .success(""),
                health: fields,
                xid: ["GPU-a": "Xid 79"], hasDriver: true
            ).sick
        }
        #expect(sick("Disabled, Default, 0, None", GPUQuery.health[0]).isEmpty)
        #expect(sick("Disabled, Default, 0, [N/A]", GPUQuery.health[0]) == ["GPU-a": "Xid 79"])
        #expect(sick("Disabled, Default, 0", GPUQuery.health[1]) == ["GPU-a": "Xid 79"])
    }
}
