import FleetModel
import Foundation
import Simulation
import Spawn
import StudyCore
import Wire

/// Plays a study with real processes while the faults of a script strike it, at their times: the words that
/// the simulator understands, as signals to coordinators, agents, links and runs. Where the coordinator is
/// killed or the study paused, it is started again after the fault's time.
final class FaultDriver {
    /// What can be done to processes. Nobody can take a CPU slot, and clocks are `NetworkFaultTests`' matter.
    static let kinds = Set(FaultKind.allCases).subtracting([.slotTaken, .clockStep])

    private let bench: Bench
    /// Where the agent of each node has its home.
    private let homes: [NodeID: String]
    private var toCome: [Fault]
    private var active: [(fault: Fault, until: Date)] = []
    private var coordinator: Running
    /// When the coordinator, which is down, is started again.
    private var restart: Date?
    /// A pause was asked for, and is to last so long.
    private var pause: Double?
    private let begin = Date()
    /// Faults that struck while there was something to strike.
    private(set) var struck: [Fault] = []
    /// How often the coordinator was started.
    private(set) var starts = 1

    /// Starts the study.
    init(_ script: [Fault], on bench: Bench, homes: [NodeID: String]) throws {
        precondition(script.allSatisfy { Self.kinds.contains($0.kind) }, "every fault can be made for real")
        precondition(
            script.allSatisfy { $0.node.map { homes[$0] != nil } ?? true }, "every node has a home")
        self.bench = bench
        self.homes = homes
        toCome = script
        coordinator = try bench.begin("start")
    }

    /// Plays until the study has ended by itself.
    func play() async throws -> Running.Result {
        while true {
            while let fault = toCome.first, begin.addingTimeInterval(fault.at) <= Date() {
                toCome.removeFirst()
                try strike(fault)
            }
            for (fault, _) in active { hold(fault) }
            for (fault, _) in active.filter({ $0.until <= Date() }) { try heal(fault) }
            active.removeAll { $0.until <= Date() }
            if let result = try await attend() { return result }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Looks after the coordinator; its result once nobody is to start it again.
    private func attend() async throws -> Running.Result? {
        if let time = restart {
            guard time <= Date() else { return nil }
            restart = nil
            starts += 1
            coordinator = try bench.begin("start")
            return nil
        }
        guard !coordinator.isRunning else { return nil }
        if let seconds = pause, try bench.engine().phase == .ended(.stopped) {
            pause = nil
            restart = Date(timeIntervalSinceNow: seconds)
            return nil
        }
        let result = await coordinator.end()
        if result.errors.contains("another coordinator") {
            // The one that pauses the study has it still.
            restart = Date(timeIntervalSinceNow: 0.2)
            return nil
        }
        for (fault, _) in active { try heal(fault) }
        return result
    }

    private func strike(_ fault: Fault) throws {
        struck.append(fault)
        active.append((fault, Date(timeIntervalSinceNow: fault.seconds)))
        switch fault.kind {
        // What carries a local link is the agent itself. A frozen sshd is `FleetLinkTests`' matter.
        case .linkFrozen: signal(SIGSTOP, links(of: fault) + agents(of: fault))
        case .diskFull: try bench.disk?.fill()
        case .coordinatorCrash where coordinator.isRunning:
            coordinator.endNow()
            restart = Date(timeIntervalSinceNow: fault.seconds)
        case .pause where coordinator.isRunning:
            pause = fault.seconds
            _ = try bench.begin("stop")
        default: hold(fault)
        }
    }

    /// What comes up while a fault lasts is struck too.
    private func hold(_ fault: Fault) {
        switch fault.kind {
        case .linkCut: signal(SIGKILL, links(of: fault))
        case .agentCrash: signal(SIGKILL, agents(of: fault))
        case .runsKilled: signal(SIGKILL, runs(of: fault))
        case .powerLoss: signal(SIGKILL, links(of: fault) + agents(of: fault) + runs(of: fault))
        case .linkFrozen, .diskFull, .coordinatorCrash, .pause, .slotTaken, .clockStep: break
        }
    }

    private func heal(_ fault: Fault) throws {
        switch fault.kind {
        case .linkFrozen: signal(SIGCONT, links(of: fault) + agents(of: fault))
        case .diskFull: try bench.disk?.free()
        default: break
        }
    }

    // MARK: Processes

    private func signal(_ number: Int32, _ pids: [Int32]) { for pid in pids { kill(pid, number) } }

    private func links(of fault: Fault) -> [Int32] { agentProcesses("attach", of: fault) }

    private func agents(of fault: Fault) -> [Int32] { agentProcesses("serve", of: fault) }

    private func agentProcesses(_ verb: String, of fault: Fault) -> [Int32] {
        guard let home = fault.node.flatMap({ homes[$0] }) else { return [] }
        return Self.pids { pid in
            let words = Self.words(pid, "cmdline")
            return words.first?.hasSuffix("/agent") == true && words.contains(verb) && words.contains(home)
        }
    }

    private func runs(of fault: Fault) -> [Int32] {
        guard let home = fault.node.flatMap({ homes[$0] }) else { return [] }
        return Self.pids { Self.words($0, "environ").contains("\(TrialFolder.environmentMark)=\(home)") }
    }

    private static func pids(where isIt: (Int32) -> Bool) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter(isIt)
    }

    private static func words(_ pid: Int32, _ file: String) -> [String] {
        let bytes = contents("/proc/\(pid)/\(file)") ?? []
        return String(decoding: bytes, as: UTF8.self).split(separator: "\0").map(String.init)
    }
}
