import FleetModel

/// What nvidia-smi is asked of GPUs that MIG divides, and how its answers read together.
enum MIGQuery {
    /// Names the UUIDs, by GPU and number.
    static let list = ["-L"]
    /// Names instances, memory and processes, by GPU and number: see `SMILog`.
    static let log = ["-q", "-x"]

    /// A MIG device as `nvidia-smi -L` lists it:
    ///
    ///     GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6-…)
    ///       MIG 1g.5gb      Device  0: (UUID: MIG-c6d4f1ef-…)
    ///
    /// Before driver 470 its UUID reads `MIG-GPU-5d5ba0d6-…/7/0`.
    struct Listed: Hashable {
        /// Under its GPU, from 0; changes when others are removed.
        let index: Int
        let profile: String
        let uuid: String
    }

    /// The answer to `list`: the MIG devices of each GPU, by its uuid. Other lines are passed over.
    static func readList(_ text: String) throws(GPUQuery.Unreadable) -> [String: [Listed]] {
        var found: [String: [Listed]] = [:]
        var gpu: String?
        for line in text.split(whereSeparator: \.isNewline).map({ trimmed($0) }) {
            if line.hasPrefix("GPU ") {
                gpu = uuid(of: line)
            } else if line.hasPrefix("MIG ") {
                guard let gpu, let device = listed(line) else {
                    throw GPUQuery.Unreadable(line: line, expected: "MIG PROFILE Device N: (UUID: MIG-…)")
                }
                found[gpu, default: []].append(device)
            }
        }
        return found
    }

    private static func listed(_ line: String) -> Listed? {
        guard let uuid = uuid(of: line), uuid.hasPrefix("MIG-") else { return nil }
        let words = line.split(separator: " ")
        guard let place = words.firstIndex(of: "Device"), place >= 2, words.count > place + 1,
            let index = Int(words[place + 1].prefix { $0 != ":" }), index >= 0
        else { return nil }
        return Listed(index: index, profile: words[1..<place].joined(separator: " "), uuid: uuid)
    }

    /// What stands behind `(UUID: `.
    private static func uuid(of line: String) -> String? {
        guard let start = line.firstRange(of: "(UUID: "),
            let end = line[start.upperBound...].firstIndex(of: ")")
        else { return nil }
        return trimmed(line[start.upperBound..<end])
    }
}

/// What is known of the MIG devices of a host.
struct MIGFindings: Hashable {
    /// By the uuid of a GPU.
    var parts: [String: [MIGDevice]] = [:]
    /// By the uuid of a MIG device.
    var processes: [String: Set<Int32>] = [:]
    /// By the uuid of a GPU: why its MIG devices cannot be told now.
    var unclear: [String: String] = [:]

    /// What the answers to `MIGQuery.list` and `MIGQuery.log` say together of the GPUs that MIG divides.
    init(list: ErrandResult, log: ErrandResult, of divided: Set<String>) {
        do {
            let listed = try MIGQuery.readList(try list.get())
            let entries = try SMILog(try log.get()).gpus
            for gpu in divided { join(gpu, listed[gpu] ?? [], entries.first { $0.uuid == gpu }) }
        } catch {
            for gpu in divided { unclear[gpu] = "MIG divides it, and its parts cannot be told: \(error)" }
        }
    }

    private mutating func join(_ gpu: String, _ listed: [MIGQuery.Listed], _ entry: SMILog.Entry?) {
        guard let entry, entry.devices.map(\.index).sorted() == listed.map(\.index).sorted() else {
            unclear[gpu] =
                "its MIG devices are just being changed: `nvidia-smi -L` and `-q` list different ones"
            return
        }
        parts[gpu] = listed.compactMap { listed in
            guard let device = entry.devices.first(where: { $0.index == listed.index }) else { return nil }
            if let running = entry.processes[device.place] { processes[listed.uuid] = running }
            return MIGDevice(
                uuid: listed.uuid, profile: listed.profile, instance: device.place.instance,
                compute: device.place.compute, memoryTotalMiB: device.memoryTotalMiB,
                memoryUsedMiB: device.memoryUsedMiB)
        }.sorted { ($0.instance, $0.compute) < ($1.instance, $1.compute) }
    }
}

/// What can be leased as one: a GPU that is used whole, or a MIG device.
struct LeasableGPU {
    let slot: Slot
    let uuid: String
    /// Of the GPU that it is or is a part of.
    let gpu: String
    let memoryUsedMiB: Int
    /// MIG devices in the same GPU instance, with which it shares its memory.
    let sharers: [Slot]
}

extension GPU {
    /// What can be leased of it.
    var leasable: [LeasableGPU] {
        guard let parts else {
            return [
                LeasableGPU(
                    slot: .gpu(index: index), uuid: uuid, gpu: uuid, memoryUsedMiB: memoryUsedMiB, sharers: []
                )
            ]
        }
        return parts.map { part in
            LeasableGPU(
                slot: slot(of: part), uuid: part.uuid, gpu: uuid, memoryUsedMiB: part.memoryUsedMiB,
                sharers: parts.filter { $0.instance == part.instance && $0.compute != part.compute }
                    .map(slot))
        }
    }

    private func slot(of part: MIGDevice) -> Slot {
        .mig(gpu: index, instance: part.instance, compute: part.compute)
    }

    /// The same GPU in MIG mode.
    func divided(into parts: [MIGDevice]) -> GPU {
        GPU(
            index: index, uuid: uuid, name: name, memoryTotalMiB: memoryTotalMiB,
            memoryUsedMiB: memoryUsedMiB,
            parts: parts)
    }

    /// The same GPU with other figures of memory; of its parts, those that `log` names.
    func updated(memoryUsedMiB: Int?, from log: SMILog.Entry? = nil) -> GPU {
        let parts = parts?.map { part in
            let place = SMILog.Place(instance: part.instance, compute: part.compute)
            let used = log?.devices.first { $0.place == place }?.memoryUsedMiB
            return MIGDevice(
                uuid: part.uuid, profile: part.profile, instance: part.instance, compute: part.compute,
                memoryTotalMiB: part.memoryTotalMiB, memoryUsedMiB: used ?? part.memoryUsedMiB)
        }
        return GPU(
            index: index, uuid: uuid, name: name, memoryTotalMiB: memoryTotalMiB,
            memoryUsedMiB: memoryUsedMiB ?? self.memoryUsedMiB, parts: parts)
    }
}
