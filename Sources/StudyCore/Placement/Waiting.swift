public import FleetModel

/// A trial that waits for a lease, and what each node would have to change for it.
public struct WaitingTrial: Hashable, Sendable {
    /// nil: the next one, which is proposed once there is room for it.
    public let trial: TrialID?
    /// What keeps it wherever there is room; nil where only the nodes do.
    public let holdup: Holdup?
    /// By node, sorted: why the trial cannot go there; nil where it could.
    public let nodes: [NodeVerdict]

    /// One node's.
    public struct NodeVerdict: Hashable, Sendable {
        public let node: NodeID
        public let obstacle: NodeObstacle?

        public init(node: NodeID, obstacle: NodeObstacle?) {
            self.node = node
            self.obstacle = obstacle
        }
    }

    /// What is not a matter of one node.
    public enum Holdup: Hashable, Sendable {
        /// As many trials run as may at once.
        case parallel(limit: Int)
        /// The study pauses or ends: nothing is started.
        case closing
        /// So many nodes have room, and a gang of `nodes` waits until it can have all of them at once.
        case gangShort(of: Int, nodes: Int)
    }
}

/// Why a trial cannot go to a node now.
public enum NodeObstacle: Hashable, Sendable {
    /// Given up until it answers again.
    case lost
    /// It could not tell what it has; `why` is what it said.
    case unknown(why: String)
    /// It has `slots` altogether, and `perNode` are wanted.
    case tooSmall(perNode: Int, slots: Int)
    /// The state that the trial goes on from lies on these nodes, and has not been brought there.
    case checkpointElsewhere([NodeID])
    /// `perNode` slots are wanted and `free` are free: `held` are leased to this study, and these cannot be
    /// had at all, each with its reason. `slices` MIG devices are free beside these, and of no use to a trial of
    /// several GPUs.
    case short(perNode: Int, free: Int, held: Int, unavailable: [OfferedSlot], slices: Int = 0)
}

extension Engine {
    /// Every trial that waits, in the order in which they will be launched; where there is none, the next one, if
    /// only room is missing for it to be proposed.
    public var waitingTrials: [WaitingTrial] {
        guard let stage = stages.last else { return [] }
        guard stage.queued.isEmpty else {
            return stage.queued.map { number in
                let trial = stage.trials[number]
                return waits(trial.id, from: start(of: trial).checkpoint)
            }
        }
        guard phase == .open, waiting != nil, wantsTrial else { return [] }
        return [waits(nil, from: stage.nextOrigin)]
    }

    private func waits(_ trial: TrialID?, from checkpoint: Checkpoint?) -> WaitingTrial {
        let homes = checkpoint.map(holders(of:))
        let verdicts = nodes.map { node in
            WaitingTrial.NodeVerdict(node: node.id, obstacle: obstacle(on: node, homes: homes))
        }
        return WaitingTrial(trial: trial, holdup: holdup(of: verdicts), nodes: verdicts)
    }

    private func obstacle(on node: Node, homes: [NodeID]?) -> NodeObstacle? {
        if node.isLost { return .lost }
        if node.slots.isEmpty, let why = node.failure { return .unknown(why: why) }
        let (perNode, count) = (plan.resources.gpusPerNode, node.freeCount)
        let isWide = plan.resources.gpus > 1
        let free = count.usable(wide: isWide)
        if node.slots.count < perNode { return .tooSmall(perNode: perNode, slots: node.slots.count) }
        if free < perNode {
            return .short(
                perNode: perNode, free: free, held: node.leased.count,
                unavailable: node.slots.filter { $0.unavailable != nil && node.leased[$0.slot] == nil },
                slices: count.all - free)
        }
        guard let homes, !homes.contains(node.id) else { return nil }
        return .checkpointElsewhere(homes)
    }

    private func holdup(of verdicts: [WaitingTrial.NodeVerdict]) -> WaitingTrial.Holdup? {
        guard phase == .open else { return .closing }
        if let limit = plan.resources.parallel, leasing.count >= limit { return .parallel(limit: limit) }
        let wanted = plan.resources.gpus / plan.resources.gpusPerNode
        let fitting = verdicts.count { $0.obstacle == nil }
        return wanted > 1 && fitting < wanted ? .gangShort(of: fitting, nodes: wanted) : nil
    }
}
