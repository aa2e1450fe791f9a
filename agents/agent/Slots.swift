import FleetModel

/// What this node's slots are and which of them can be leased.
struct Slots {
    /// A GPU that no process of ours is on and that uses more memory than this is somebody else's. MiB.
    static let foreignMemoryMiB = 500

    var findings: GPUFindings
    /// Slots of a node without GPUs.
    var cpuSlots: Int
    /// GPUs that a run of ours was on when the findings were made: their memory figures were ours.
    var heldWhenSurveyed: Set<Slot> = []
    /// Why the last survey could not tell what the findings, which are older, still say; nil where it could.
    var doubt: String?

    /// Every slot with its state. A slot that a run of ours holds is `held` whatever else is on it.
    ///
    /// - Parameter isOurs: whether a process belongs to a run of ours.
    func entries(holders: [Slot: RunKey], isOurs: (Int32) -> Bool) -> [Inventory.Entry] {
        let states: [(Slot, SlotState)] =
            switch findings.survey {
            case .found(let gpus): gpus.flatMap { self.states(of: $0, holders, isOurs) }
            case .noDriver: (0..<cpuSlots).map { (.cpu(index: $0), .free) }
            case .failed: []
            }
        return states.map { slot, state in
            Inventory.Entry(slot: slot, state: holders[slot].map { .held(by: $0) } ?? state)
        }
    }

    /// What CUDA calls these GPUs and MIG devices, in this order; nil where one of them is unknown.
    func uuids(of slots: [Slot]) -> [String]? {
        let found = slots.compactMap { slot in leasable.first { $0.slot == slot }?.uuid }
        return found.count == slots.count && !found.isEmpty ? found : nil
    }

    /// The uuids of the GPUs that these slots are, or are parts of.
    func gpus(of slots: [Slot]) -> Set<String> {
        Set(leasable.filter { slots.contains($0.slot) }.map(\.gpu))
    }

    private var leasable: [LeasableGPU] {
        guard case .found(let gpus) = findings.survey else { return [] }
        return gpus.flatMap(\.leasable)
    }

    /// Whether the memory of these GPUs is given back; true for slots that are none. Where others hold MIG devices
    /// that share it, no figure tells whose it is.
    /// - Parameter held: what other runs hold.
    func areEmpty(_ slots: [Slot], held: Set<Slot>) -> Bool {
        leasable.allSatisfy {
            !slots.contains($0.slot) || $0.memoryUsedMiB <= Self.foreignMemoryMiB
                || !held.isDisjoint(with: $0.sharers)
        }
    }

    /// The state of a GPU, or of each of its parts. One in MIG mode that has none says so itself.
    private func states(
        of gpu: GPU, _ holders: [Slot: RunKey], _ isOurs: (Int32) -> Bool
    ) -> [(Slot, SlotState)] {
        let leasable = gpu.leasable
        guard leasable.isEmpty else {
            return leasable.map { ($0.slot, state(of: $0, holders, isOurs)) }
        }
        let empty =
            "MIG is on and has no instances: make some with `nvidia-smi mig -cgi PROFILE -C`, or turn it off with "
            + "`nvidia-smi -i \(gpu.index) -mig 0`"
        return [(.gpu(index: gpu.index), .unavailable(reason: findings.sick[gpu.uuid] ?? empty))]
    }

    private func state(
        of gpu: LeasableGPU, _ holders: [Slot: RunKey], _ isOurs: (Int32) -> Bool
    ) -> SlotState {
        if let doubt { return .unavailable(reason: "its state cannot be told now: \(doubt)") }
        if let sickness = findings.sick[gpu.gpu] { return .unavailable(reason: sickness) }
        let foreign = (findings.processes[gpu.uuid] ?? []).filter { !isOurs($0) }.sorted()
        let wasOurs = heldWhenSurveyed.contains(gpu.slot)
        if !foreign.isEmpty, !wasOurs {
            let pids = foreign.map(String.init).joined(separator: ", ")
            return .unavailable(
                reason: "process \(pids) of somebody else is on it, \(gpu.memoryUsedMiB) MiB in use")
        }
        let mayBeOurs =
            wasOurs || gpu.sharers.contains { heldWhenSurveyed.contains($0) || holders[$0] != nil }
        if gpu.memoryUsedMiB > Self.foreignMemoryMiB, !mayBeOurs {
            return .unavailable(reason: "\(gpu.memoryUsedMiB) MiB are in use, and not by a run of ours")
        }
        return .free
    }

    /// Why `wanted` cannot be leased; nil where it can.
    static func refusal(of wanted: [Slot], among entries: [Inventory.Entry], survey: GPUSurvey) -> String? {
        if wanted.isEmpty { return "the launch names no slot, expected at least one" }
        for slot in wanted {
            switch entries.first(where: { $0.slot == slot })?.state {
            case .free: continue
            case .held(let run): return "\(slot) is held by \(run)"
            case .unavailable(let reason): return "\(slot) is not available: \(reason)"
            case nil:
                if case .failed(let why) = survey { return "this node offers nothing: \(why)" }
                let offered = entries.map(\.slot.description).joined(separator: ", ")
                return "there is no \(slot) here, only \(offered)"
            }
        }
        return nil
    }
}
