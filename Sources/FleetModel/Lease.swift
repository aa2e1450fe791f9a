/// What a run can be given on a node: a GPU, a part of one, or a CPU core where a node has no GPU.
public enum Slot: Hashable, Codable, Sendable, Comparable, CustomStringConvertible {
    /// `index` as nvidia-smi numbers it.
    case gpu(index: Int)
    /// A MIG device of GPU `gpu`: the ids of its GPU instance and of its compute instance, as `nvidia-smi mig -lci`
    /// lists them. They stay its own while others beside it are made and removed; its number under the GPU does not.
    case mig(gpu: Int, instance: Int, compute: Int)
    /// One core; `index` from 0.
    case cpu(index: Int)

    public var description: String {
        switch self {
        case .gpu(let index): "gpu\(index)"
        case .mig(let gpu, let instance, let compute): "gpu\(gpu)/gi\(instance)/ci\(compute)"
        case .cpu(let index): "cpu\(index)"
        }
    }

    /// Whether it is a part of a GPU. CUDA gives a process one such device and never two, and these cannot reach each
    /// other's memory (NVIDIA's MIG user guide, "CUDA Device Enumeration" and "Application Considerations").
    public var isSlice: Bool {
        if case .mig = self { true } else { false }
    }

    private var order: (Int, Int, Int, Int) {
        switch self {
        case .gpu(let index): (0, index, -1, -1)
        case .mig(let gpu, let instance, let compute): (0, gpu, instance, compute)
        case .cpu(let index): (1, index, -1, -1)
        }
    }

    public static func < (a: Slot, b: Slot) -> Bool { a.order < b.order }
}

/// Slots held by one run. A gang spans several nodes and has one part for each, in rank order.
public struct Lease: Hashable, Codable, Sendable, CustomStringConvertible {
    /// The slots of a lease on one node; never empty.
    public struct Part: Hashable, Codable, Sendable {
        public let node: NodeID
        public let slots: [Slot]

        public init(node: NodeID, slots: [Slot]) {
            self.node = node
            self.slots = slots
        }
    }

    /// Never empty; each node at most once.
    public let parts: [Part]

    public init(parts: [Part]) {
        precondition(!parts.isEmpty, "a lease holds slots on at least one node")
        self.parts = parts
    }

    /// How many slots the lease holds on all its nodes.
    public var width: Int { parts.reduce(0) { $0 + $1.slots.count } }

    /// `local:cpu0,cpu1` — parts are separated by spaces.
    public var description: String {
        parts.map { part in
            "\(part.node):" + part.slots.map(\.description).joined(separator: ",")
        }.joined(separator: " ")
    }
}
