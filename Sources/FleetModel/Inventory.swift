/// A GPU as nvidia-smi reports it.
public struct GPU: Hashable, Codable, Sendable {
    public let index: Int
    /// `GPU-…`: stable across reboots, unlike the index.
    public let uuid: String
    public let name: String
    public let memoryTotalMiB: Int
    public let memoryUsedMiB: Int
    /// What MIG has divided it into, sorted by slot; nil where MIG is off and it is used whole.
    public let parts: [MIGDevice]?

    public init(
        index: Int, uuid: String, name: String, memoryTotalMiB: Int, memoryUsedMiB: Int,
        parts: [MIGDevice]? = nil
    ) {
        self.index = index
        self.uuid = uuid
        self.name = name
        self.memoryTotalMiB = memoryTotalMiB
        self.memoryUsedMiB = memoryUsedMiB
        self.parts = parts
    }
}

/// A part of a GPU that MIG makes, with cores and memory of its own. Several compute instances of one GPU instance
/// share its memory, and each tells all that is used of it.
public struct MIGDevice: Hashable, Codable, Sendable {
    /// `MIG-…`, what CUDA_VISIBLE_DEVICES takes.
    public let uuid: String
    /// `1g.10gb`: compute slices and memory; `1c.3g.40gb` where it shares the memory.
    public let profile: String
    /// Id of the GPU instance on its GPU.
    public let instance: Int
    /// Id of the compute instance in the GPU instance.
    public let compute: Int
    public let memoryTotalMiB: Int
    public let memoryUsedMiB: Int

    public init(
        uuid: String, profile: String, instance: Int, compute: Int, memoryTotalMiB: Int, memoryUsedMiB: Int
    ) {
        (self.uuid, self.profile, self.instance, self.compute) = (uuid, profile, instance, compute)
        (self.memoryTotalMiB, self.memoryUsedMiB) = (memoryTotalMiB, memoryUsedMiB)
    }
}

/// What asking for GPUs gave. "Could not tell" is not "none": a host whose nvidia-smi fails offers
/// nothing, and says so, instead of looking like a host without GPUs.
public enum GPUSurvey: Hashable, Codable, Sendable {
    case found(gpus: [GPU])
    /// There is no nvidia-smi on this host.
    case noDriver
    case failed(stderr: String)
}

/// A plugin that a node's agent can start.
public struct PluginOffer: Hashable, Codable, Sendable {
    public let name: String
    /// Of the kit that it was built with.
    public let version: String

    public init(name: String, version: String) {
        self.name = name
        self.version = version
    }
}

/// What a node offers and who holds it.
public struct Inventory: Hashable, Codable, Sendable {
    /// One slot and its state.
    public struct Entry: Hashable, Codable, Sendable {
        public let slot: Slot
        public let state: SlotState

        public init(slot: Slot, state: SlotState) {
            self.slot = slot
            self.state = state
        }
    }

    public let hostname: String
    public let gpus: GPUSurvey
    public let slots: [Entry]
    /// Sorted by their names.
    public let plugins: [PluginOffer]

    public init(hostname: String, gpus: GPUSurvey, slots: [Entry], plugins: [PluginOffer]) {
        self.hostname = hostname
        self.gpus = gpus
        self.slots = slots
        self.plugins = plugins
    }

    /// The slots whose states are others now; nil where more than that has changed.
    public func changes(since earlier: Inventory) -> [Entry]? {
        guard hostname == earlier.hostname, gpus == earlier.gpus, plugins == earlier.plugins,
            slots.map(\.slot) == earlier.slots.map(\.slot)
        else { return nil }
        return zip(slots, earlier.slots).filter { $0 != $1 }.map(\.0)
    }

    /// The same with other states of these slots. Slots that are not here are left out.
    public func changing(_ entries: [Entry]) -> Inventory {
        let states = Dictionary(entries.map { ($0.slot, $0.state) }) { $1 }
        let slots = slots.map { Entry(slot: $0.slot, state: states[$0.slot] ?? $0.state) }
        return Inventory(hostname: hostname, gpus: gpus, slots: slots, plugins: plugins)
    }
}

/// Whether a slot can be leased.
public enum SlotState: Hashable, Codable, Sendable {
    case free
    /// One of our runs is on it, of this study or another.
    case held(by: RunKey)
    /// Taken by others or sick; `reason` is shown to people.
    case unavailable(reason: String)
}
