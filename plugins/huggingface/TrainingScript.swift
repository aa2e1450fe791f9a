import FleetModel
import TrainerKit
import Wire

/// What trains, and what starts it: Python itself, or a launcher with one process for each GPU.
struct TrainingScript: CustomStringConvertible {
    enum Launcher: String, CaseIterable {
        case python, torchrun, accelerate
    }

    private let python: String
    /// `train.py`, or `-m` and a module.
    private let script: [String]
    /// nil: torchrun where there is more than one process.
    private let launcher: Launcher?
    private let launcherArguments: [String]

    init(_ settings: inout SettingsReader) {
        let python = settings.string("python", default: "python3")
        self.python = python.contains("/") ? absolutePath(python, from: settings.baseFolder) : python
        switch (settings.has("script"), settings.has("python_module")) {
        case (_, false): script = [settings.path("script", .file)]
        case (false, true): script = ["-m", settings.string("python_module")]
        case (true, true):
            script = [settings.path("script", .file), settings.string("python_module")]
            settings.complain(
                at: ["python_module"], found: "python_module beside script", expected: "one of the two")
        }
        let names = Launcher.allCases.map(\.rawValue)
        launcher =
            settings.has("launcher")
            ? Launcher(rawValue: settings.choice("launcher", among: names)) : nil
        launcherArguments = settings.strings("launcher_args", default: [])
    }

    var description: String { script.joined(separator: " ") }

    /// Training processes on all nodes: one a GPU, or one for all CPU slots.
    func processes(of spec: RunSpec) -> Int { local(spec) * (spec.gang?.nodes ?? 1) }

    private func local(_ spec: RunSpec) -> Int { max(1, spec.gpuIndices.count) }

    /// The command line up to the script.
    func launch(_ spec: RunSpec) -> [String] {
        switch launcher ?? (processes(of: spec) > 1 ? .torchrun : .python) {
        case .python: [python] + launcherArguments + script
        case .torchrun: [python, "-m", "torch.distributed.run"] + torchrun(spec) + launcherArguments + script
        case .accelerate:
            [python, "-m", "accelerate.commands.launch"] + accelerate(spec) + launcherArguments + script
        }
    }

    private func torchrun(_ spec: RunSpec) -> [String] {
        let local = ["--nproc_per_node", "\(local(spec))"]
        guard let gang = spec.gang else { return ["--standalone"] + local }
        return local + [
            "--nnodes", "\(gang.nodes)", "--node_rank", "\(gang.rank)", "--master_addr", gang.masterAddress,
            "--master_port", "\(gang.masterPort)",
        ]
    }

    private func accelerate(_ spec: RunSpec) -> [String] {
        let all = ["--num_processes", "\(processes(of: spec))"] + (spec.gpuIndices.isEmpty ? ["--cpu"] : [])
        guard let gang = spec.gang else { return all }
        return all + [
            "--num_machines", "\(gang.nodes)", "--machine_rank", "\(gang.rank)", "--main_process_ip",
            gang.masterAddress, "--main_process_port", "\(gang.masterPort)",
        ]
    }
}
