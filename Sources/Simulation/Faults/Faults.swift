import FleetModel

/// How often one kind of fault strikes one thing, and for how long.
public struct Hazard: Hashable, Sendable {
    /// 0: never.
    public var perHour: Double
    public var seconds: ClosedRange<Double>

    public init(perHour: Double, seconds: ClosedRange<Double>) {
        self.perHour = perHour
        self.seconds = seconds
    }

    public static let never = Hazard(perHour: 0, seconds: 0...0)
}

/// How often everything goes wrong outside of the trainers. To add a fault: a case in `FaultKind`, its hazard
/// here with its rates in the presets below, and what it does in `SimulatedStudy+Faults.swift`.
public struct Faults: Hashable, Sendable {
    public var linkCut = Hazard.never
    public var linkFrozen = Hazard.never
    public var agentCrash = Hazard.never
    public var runsKilled = Hazard.never
    public var powerLoss = Hazard.never
    public var diskFull = Hazard.never
    public var slotTaken = Hazard.never
    public var coordinatorCrash = Hazard.never
    public var pause = Hazard.never
    public var clockStep = Hazard.never
    /// These faults and no others, whatever the hazards above are.
    public var script: [Fault]?

    /// One way, mean seconds; each message takes from half of it to half more.
    public var delaySeconds = 0.001
    /// Share of messages that take `stallSeconds` longer, and everything behind them.
    public var stallShare = 0.0
    public var stallSeconds = 2.0
    /// Share of messages that are sent twice.
    public var doubleShare = 0.0
    /// Share of news that overtakes the message before it, where no promise of order binds the two.
    public var overtakeShare = 0.0
    /// A node that has not answered for so long is given up; nil: never.
    public var givesUpAfterSeconds: Double?
    /// No fault begins after that, and all are healed.
    public var calmAfterSeconds = Double.infinity

    public init() {}
}

extension Faults {
    subscript(kind: FaultKind) -> Hazard {
        switch kind {
        case .linkCut: linkCut
        case .linkFrozen: linkFrozen
        case .agentCrash: agentCrash
        case .runsKilled: runsKilled
        case .powerLoss: powerLoss
        case .diskFull: diskFull
        case .slotTaken: slotTaken
        case .coordinatorCrash: coordinatorCrash
        case .pause: pause
        case .clockStep: clockStep
        }
    }

    /// Whether the coordinator may have to recover from its journal.
    var canCrashCoordinator: Bool {
        script.map { $0.contains { $0.kind == .coordinatorCrash } } ?? (coordinatorCrash.perHour > 0)
    }

    public static let none = Faults()

    /// What a fleet of GPU hosts sees: a link breaks now and then, one host in a few hundred dies a day
    /// (Meta counted 419 interruptions of 16,384 GPUs in 54 days for Llama 3, arXiv 2407.21783, section
    /// 3.3.4: one for each host of 8 in about 260 days), disks fill up, the coordinator is restarted weekly.
    public static let realistic = {
        var faults = Faults()
        faults.linkCut = Hazard(perHour: 1 / 48.0, seconds: 1...120)
        faults.linkFrozen = Hazard(perHour: 1 / 200.0, seconds: 1...30)
        faults.agentCrash = Hazard(perHour: 1 / 1_000.0, seconds: 1...60)
        faults.powerLoss = Hazard(perHour: 1 / 6_000.0, seconds: 300...3_600)
        faults.diskFull = Hazard(perHour: 1 / 4_000.0, seconds: 600...7_200)
        faults.slotTaken = Hazard(perHour: 1 / 2_000.0, seconds: 600...14_400)
        faults.coordinatorCrash = Hazard(perHour: 1 / 168.0, seconds: 5...300)
        faults.delaySeconds = 0.02
        faults.stallShare = 0.0001
        return faults
    }()

    /// Everything at once, each kind absent or frequent by the seed, within `seconds` of virtual time.
    public static func hostile(seed: UInt64, within seconds: Double) -> Faults {
        var random = SeededGenerator(seed: seed, stream: 2)
        func hazard(_ longest: Double, strength: Double = 1) -> Hazard {
            guard random.chance(0.6) else { return .never }
            let perHour = strength * exp(random.draw(log(20.0)...log(600.0)))
            return Hazard(perHour: perHour, seconds: 0...random.draw(0.1...longest))
        }
        var faults = Faults()
        faults.linkCut = hazard(20)
        faults.agentCrash = hazard(10, strength: 0.5)
        faults.powerLoss = hazard(20, strength: 0.3)
        faults.diskFull = hazard(20, strength: 0.3)
        faults.slotTaken = hazard(20, strength: 0.5)
        faults.coordinatorCrash = hazard(10)
        faults.pause = hazard(10, strength: 0.3)
        faults.clockStep = hazard(60, strength: 0.3)
        faults.delaySeconds = exp(random.draw(log(0.0005)...log(1)))
        faults.stallShare = random.chance(0.5) ? random.draw(0...0.1) : 0
        faults.stallSeconds = random.draw(0.1...10)
        faults.doubleShare = random.chance(0.5) ? random.draw(0...0.3) : 0
        faults.overtakeShare = random.chance(0.5) ? random.draw(0...0.3) : 0
        faults.givesUpAfterSeconds = random.chance(0.5) ? random.draw(1...20) : nil
        faults.calmAfterSeconds = seconds
        faults.linkFrozen = hazard(20, strength: 0.5)
        faults.runsKilled = hazard(0.2, strength: 0.3)
        return faults
    }
}
