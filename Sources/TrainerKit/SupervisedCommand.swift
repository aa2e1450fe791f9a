import FleetModel
import FoundationEssentials
import Glibc
import Spawn
public import Wire

/// What the supervisor starts: a program, or this plugin again with the `session` verb.
enum SupervisedCommand: Hashable {
    case program(Command)
    case session(Command)

    init(_ execution: Execution, folder: TrialFolder) {
        switch execution {
        case .program(let command): self = .program(command)
        case .inProcess:
            self = .session(Command([CommandLine.arguments[0], Verb.session.rawValue, folder.path]))
        }
    }

    var command: Command {
        switch self {
        case .program(let command), .session(let command): command
        }
    }

    /// The running plugin's own file, even if its name was given to another since.
    var executable: String? {
        if case .session = self { "/proc/self/exe" } else { nil }
    }

    /// Connected to descriptors 1, 2 and 3 of the child.
    var streams: [Source.Stream] {
        let outputs: [Source.Stream] = [.output(.standardOutput), .output(.standardError)]
        if case .session = self { return outputs + [.session] }
        return outputs
    }

    func workingFolder(of spec: RunSpec, in folder: TrialFolder) -> String {
        if case .session = self { return folder.path }
        let isHere = access(spec.baseFolder, X_OK) == 0
        return command.workingFolder ?? (isHere ? spec.baseFolder : folder.path)
    }

    func ladder(for reason: RunCourse.Stop, grace: Double, now: Double) -> StopLadder {
        switch (reason, self) {
        case (.ordered, .session): .askedByFile(grace: grace, now: now)
        case (.ordered, .program(let command)) where command.watchesStopFile:
            .askedByFile(grace: grace, now: now)
        case (.ordered, .program(let command)):
            StopLadder(
                ask: command.askSignal, ofChildren: command.asksChildren, grace: grace, now: now)
        case (.complete, _), (.fault, _): StopLadder(grace: grace, now: now)
        }
    }

    /// Added to our own environment: what the command adds, and what keeps a run to its slots: other GPUs are
    /// invisible (named by the agent, or numbered as nvidia-smi does), and CPU libraries use as many threads as
    /// there are slots.
    func environment(of spec: RunSpec, in folder: TrialFolder) -> [String: String] {
        var environment: [String: String] = [:]
        let cores = spec.slots.filter { if case .cpu = $0 { true } else { false } }.count
        if cores > 0 { environment["OMP_NUM_THREADS"] = "\(cores)" }
        // Python holds back what it prints to a pipe, and with it the reports.
        environment["PYTHONUNBUFFERED"] = "1"
        environment.merge(command.environment) { $1 }
        environment["CUDA_VISIBLE_DEVICES"] =
            namedDevices(of: spec) ?? spec.gpuIndices.map { "\($0)" }.joined(separator: ",")
        environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
        environment[TrialFolder.environmentMark] = folder.path
        return environment
    }

    /// The run's GPUs by uuid, as the agent names them in our own environment.
    private func namedDevices(of spec: RunSpec) -> String? {
        guard let value = getenv("CUDA_VISIBLE_DEVICES") else { return nil }
        let names = String(cString: value)
        let count = names.split(separator: ",").count { $0.hasPrefix("GPU-") || $0.hasPrefix("MIG-") }
        return count > 0 && count == spec.gpuIndices.count ? names : nil
    }
}

extension RunRequest {
    /// Indices of the run's GPUs as nvidia-smi numbers them; of a MIG device, its GPU's.
    public var gpuIndices: [Int] {
        slots.compactMap {
            switch $0 {
            case .gpu(let index), .mig(let index, _, _): index
            case .cpu: nil
            }
        }
    }
}

extension SystemError {
    /// A program that cannot be started is a wrong setting, unless the machine has no room for a process.
    var asEnding: RunEnding {
        switch code {
        case EAGAIN, ENOMEM, EMFILE, ENFILE: .failed(RunFailure(.node(reason: description)))
        default:
            .failed(
                RunFailure(
                    .refused(
                        reason:
                            "\(self); expected a program in PATH, or a path to one, and a folder that exists"
                    )))
        }
    }
}
