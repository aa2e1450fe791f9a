import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Wire

extension Daemon {
    private static let surveySeconds = 30.0
    /// While a GPU is taken by others: memory of a run that just ended may be freed a little late.
    private static let surveySecondsWhileTaken = 5.0

    /// Asks nvidia-smi for the GPUs and unknown plugins for their hello, in the background.
    func survey(now: Double) {
        nextSurvey = now + Self.surveySeconds
        for version in plugins.takeUnasked() {
            ask(version.path, ["describe"], now: now) { daemon, result in
                daemon.plugins.note(version, output: try? result.get())
                daemon.inventoryIsStale = true
            }
        }
        guard !isSurveying else { return }
        isSurveying = true
        surveyBegan = now
        let heldBefore = Set(holders.keys)
        let health = GPUQuery.health[knownHealth]
        ask(options.nvidiaSMI, GPUQuery.devices(health), now: now) { daemon, devices in
            guard !devices.namesAnUnknownField || daemon.knownHealth == GPUQuery.health.count - 1 else {
                daemon.knownHealth += 1
                (daemon.isSurveying, daemon.nextSurvey) = (false, 0)
                return
            }
            daemon.surveyFurther(devices, divided: GPUFindings.divided(devices, health), heldBefore)
        }
    }

    /// Where there are GPUs, asks for the processes on them, and of those that MIG divides for their parts.
    private func surveyFurther(_ devices: ErrandResult, divided: Set<String>, _ heldBefore: Set<Slot>) {
        guard devices.namesAGPU else { return conclude(devices, devices, nil, heldBefore) }
        guard !divided.isEmpty else {
            return askNVIDIA([GPUQuery.processes]) { $0.conclude(devices, $1[0], nil, heldBefore) }
        }
        askNVIDIA([MIGQuery.list, MIGQuery.log, GPUQuery.processes]) {
            let mig = MIGFindings(list: $1[0], log: $1[1], of: divided)
            $0.conclude(devices, $1[2], mig, heldBefore)
        }
    }

    /// Asks nvidia-smi one thing after the other.
    private func askNVIDIA(
        _ questions: [[String]], after answers: [ErrandResult] = [],
        then: @escaping (Daemon, [ErrandResult]) -> Void
    ) {
        guard answers.count < questions.count else { return then(self, answers) }
        ask(options.nvidiaSMI, questions[answers.count], now: monotonicSeconds()) {
            $0.askNVIDIA(questions, after: answers + [$1], then: then)
        }
    }

    private func conclude(
        _ devices: ErrandResult, _ processes: ErrandResult, _ mig: MIGFindings?, _ heldBefore: Set<Slot>
    ) {
        isSurveying = false
        kernelLog.look()
        let xid = kernelLog.reasons(of: options.driver)
        let hasDriver = access(options.driver.path + "/version", F_OK) == 0
        let findings = GPUFindings(
            devices: devices, processes: processes, health: GPUQuery.health[knownHealth], mig: mig, xid: xid,
            hasDriver: hasDriver)
        if case .failed(let why) = findings.survey, case .found? = slots?.findings.survey {
            return couldNotTell(why)
        }
        if findings.survey != slots?.findings.survey, case .failed(let why) = findings.survey {
            log.write("the GPUs cannot be surveyed: \(why)")
        }
        for complaint in findings.complaints where slots?.findings.complaints.contains(complaint) != true {
            log.write("nvidia-smi: \(complaint)")
        }
        slots = Slots(
            findings: findings, cpuSlots: options.cpuSlots ?? sysconf(Int32(_SC_NPROCESSORS_ONLN)),
            heldWhenSurveyed: heldBefore.union(holders.keys))
        provenBy = surveyBegan
        inventoryIsStale = true
        carryOutHeldBack()
        let isTaken = slots.map(entries)?.contains { if case .unavailable = $0.state { true } else { false } }
        if isTaken == true { nextSurvey = min(nextSurvey, monotonicSeconds() + Self.surveySecondsWhileTaken) }
    }

    /// After a good survey one that failed says nothing new of the GPUs: they stay known, and those that no run
    /// of ours has are not leased until it can be told again.
    private func couldNotTell(_ why: String) {
        if slots?.doubt == nil { log.write("the GPUs cannot be surveyed any more: \(why)") }
        slots?.doubt = why
        inventoryIsStale = true
        nextSurvey = min(nextSurvey, monotonicSeconds() + Self.surveySecondsWhileTaken)
    }

    func ask(
        _ program: String, _ arguments: [String], now: Double,
        then: @escaping (Daemon, ErrandResult) -> Void
    ) {
        let errand = Errand.begin(program, arguments, now: now) { [unowned self] in then(self, $0) }
        if let errand { errands.append(errand) }
    }

    /// Who is on which slot.
    var holders: [Slot: RunKey] {
        var holders: [Slot: RunKey] = [:]
        for run in runs.values { for slot in run.slots { holders[slot] = run.key } }
        return holders
    }

    /// Every slot with its state. While the disk is full, none is free.
    func entries(_ slots: Slots) -> [Inventory.Entry] {
        let entries = slots.entries(holders: holders) { RunProcesses.isOurs($0, runs: home.runs) }
        guard TrialFolder.isOnFullDisk(home.path) else { return entries }
        let full = SlotState.unavailable(reason: TrialFolder.fullDisk(of: home.path))
        return entries.map { $0.state == .free ? Inventory.Entry(slot: $0.slot, state: full) : $0 }
    }

    /// An inventory names every slot, and a run's end and the next one's beginning are two changes of it: who has one
    /// gets the next a little later, and the news of runs first.
    private static let inventoryDelaySeconds = 0.02

    /// When the inventory is to be told; nil where there is nothing to tell.
    var inventoryDue: Double? {
        guard isReady, inventoryIsStale, clients.contains(where: \.wantsInventory) else { return nil }
        return clients.contains(where: \.lacksInventory) ? 0 : staleSince + Self.inventoryDelaySeconds
    }

    /// Tells the inventory to those who want it and have not this one. The first one waits until the GPUs
    /// were surveyed and every plugin has answered.
    func tellInventory() {
        isReady = isReady || (slots != nil && errands.isEmpty)
        guard let slots, let inventoryDue, monotonicSeconds() >= inventoryDue else { return }
        inventoryIsStale = false
        let inventory = Inventory(
            hostname: hostname, gpus: slots.findings.survey, slots: entries(slots), plugins: plugins.offers)
        for client in clients { client.tell(inventory: inventory) }
    }
}

/// This machine's name.
var hostname: String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "unknown" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
