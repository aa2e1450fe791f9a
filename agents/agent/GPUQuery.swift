import FleetModel
import Spawn

/// What `nvidia-smi` is asked, and how its answer reads.
enum GPUQuery {
    private static let basics = ["index", "uuid", "name", "memory.total", "memory.used"]
    private static let form = "--format=csv,noheader,nounits"

    /// What tells a GPU that must be left alone, beside `basics`; a driver that does not know a field is asked
    /// for the next of these. The last field of the first came with driver 570, and is what the driver makes
    /// of Xid errors.
    static let health: [[String]] = [
        ["mig.mode.current", "compute_mode", "ecc.errors.uncorrected.volatile.total", "gpu_recovery_action"],
        ["mig.mode.current", "compute_mode", "ecc.errors.uncorrected.volatile.total"],
        [],
    ]

    /// The GPUs there are, memory in MiB, and some of `health`.
    static func devices(_ health: [String]) -> [String] {
        ["--query-gpu=" + (basics + health).joined(separator: ","), form]
    }

    /// The processes on them.
    static let processes = ["--query-compute-apps=gpu_uuid,pid,used_memory", form]

    /// A line of the answer that is not as asked for.
    struct Unreadable: Error, Hashable, CustomStringConvertible {
        let line: String
        let expected: String

        var description: String { "nvidia-smi wrote \"\(line)\", expected \(expected)" }
    }

    /// What the answer to `devices` says.
    struct Devices: Hashable {
        /// By index.
        var gpus: [GPU] = []
        /// By uuid: why a GPU must be left alone.
        var sick: [String: String] = [:]
        /// By uuid: GPUs in MIG mode, which have parts to lease, or none, and are not leased whole.
        var divided: Set<String> = []
        /// By uuid: GPUs whose driver tells what is to be done after an Xid error, if anything is.
        var tellsRecovery: Set<String> = []
        /// Lines that are no GPU's. A GPU that has fallen off the bus is one, beside those of the good ones.
        var complaints: [String] = []
    }

    /// The answer to `devices`, one line a GPU. Memory that the driver does not tell counts as 0: `[N/A]`, and in MIG
    /// mode `[Insufficient Permissions]`.
    ///
    /// - Parameters:
    ///   - health: what was asked for beside the basics.
    ///   - isWhole: whether nvidia-smi ended well; else lines that are no GPU's are its complaints.
    static func readDevices(
        _ text: String, _ health: [String] = [], isWhole: Bool = true
    ) throws(Unreadable) -> Devices {
        var found = Devices()
        for line in lines(text) {
            guard let (gpu, said) = device(fields(line), health) else {
                if isWhole {
                    throw Unreadable(line: line, expected: "index, uuid, name, total MiB, used MiB")
                }
                found.complaints.append(line)
                continue
            }
            found.gpus.append(gpu)
            if let sickness = sickness(said) { found.sick[gpu.uuid] = sickness }
            if said["mig.mode.current"] == "Enabled" { found.divided.insert(gpu.uuid) }
            if said["gpu_recovery_action"]?.hasPrefix("[") == false { found.tellsRecovery.insert(gpu.uuid) }
        }
        guard Set(found.gpus.map(\.index)).count == found.gpus.count else {
            throw Unreadable(line: text, expected: "each GPU once")
        }
        found.gpus.sort { $0.index < $1.index }
        return found
    }

    /// A GPU, and what it says of its health. A name may hold a comma.
    private static func device(_ fields: [String], _ health: [String]) -> (GPU, [String: String])? {
        let end = fields.count - health.count
        guard end >= 5, let index = Int(fields[0]), index >= 0, fields[1].hasPrefix("GPU-"),
            let used = number(fields[end - 1])
        else { return nil }
        // Nobody may be told how much memory a GPU in MIG mode has who may not manage it.
        let isHidden = fields[end - 2] == insufficient
        guard let total = isHidden ? 0 : Int(fields[end - 2]) else { return nil }
        let name = fields[2..<end - 2].joined(separator: ", ")
        return (
            GPU(index: index, uuid: fields[1], name: name, memoryTotalMiB: total, memoryUsedMiB: used),
            Dictionary(zip(health, fields[end...])) { first, _ in first }
        )
    }

    /// What is wrong with a GPU, by its compute mode, its uncorrected ECC errors since the
    /// driver was loaded, and what the driver says is to be done (`nvidia-smi --help-query-gpu`). What it does
    /// not tell is not wrong.
    private static func sickness(_ health: [String: String]) -> String? {
        if let word = health.values.sorted().first(where: {
            $0.contains("requires reset") || $0.contains("is lost")
        }) {
            return "nvidia-smi says \(word): the GPU must be reset"
        }
        if let action = health["gpu_recovery_action"], action != "None", !action.hasPrefix("[") {
            return "after an error its driver asks for \"\(action)\", see Xid in the kernel's log"
        }
        if health["compute_mode"] == "Prohibited" { return "its compute mode is Prohibited" }
        if let errors = Int(health["ecc.errors.uncorrected.volatile.total"] ?? ""), errors > 0 {
            return "\(errors) uncorrected ECC errors since its driver was loaded: reset or replace it"
        }
        return nil
    }

    /// The answer to `processes`: the process ids on each GPU, by its uuid.
    static func readProcesses(_ text: String) throws(Unreadable) -> [String: Set<Int32>] {
        var processes: [String: Set<Int32>] = [:]
        for line in lines(text) {
            let fields = fields(line)
            guard fields.count == 3, let pid = Int32(fields[1]) else {
                throw Unreadable(line: line, expected: "uuid, process id, used MiB")
            }
            processes[fields[0], default: []].insert(pid)
        }
        return processes
    }

    private static func lines(_ text: String) -> [String] {
        text.split(whereSeparator: \.isNewline).map { trimmed($0) }.filter { !$0.isEmpty }
    }

    private static func fields(_ line: String) -> [String] {
        line.split(separator: ",", omittingEmptySubsequences: false).map { trimmed($0) }
    }

    private static func number(_ field: String) -> Int? {
        if ["[N/A]", "[Not Supported]", insufficient].contains(field) { return 0 }
        return Int(field).flatMap { $0 >= 0 ? $0 : nil }
    }

    private static let insufficient = "[Insufficient Permissions]"
}

/// `text` without the white space around it.
func trimmed(_ text: some StringProtocol) -> String {
    let start = text.drop(while: \.isWhitespace)
    guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(start[...last])
}

/// What is known of the GPUs: the survey, and which processes it saw on each.
struct GPUFindings: Hashable {
    var survey: GPUSurvey
    /// By the uuid of a GPU or a MIG device.
    var processes: [String: Set<Int32>] = [:]
    /// By the GPU's uuid: why it must be left alone.
    var sick: [String: String] = [:]
    /// What nvidia-smi says of GPUs that it cannot name.
    var complaints: [String] = []

    /// What two answers of nvidia-smi say together; a failure of either is a failure, unless it names sound
    /// GPUs beside what is wrong with others.
    /// - Parameters:
    ///   - health: what was asked for beside the basics.
    ///   - mig: what is known of the parts of `divided(devices, health)`.
    ///   - xid: why the kernel's log has a GPU set aside, by its uuid. It counts where the driver itself does not
    ///     tell: that knows whether the GPU was reset since.
    init(
        devices: ErrandResult, processes: ErrandResult, health: [String], mig: MIGFindings? = nil,
        xid: [String: String] = [:], hasDriver: Bool
    ) {
        do {
            let found = try Self.read(devices, health)
            let running = try processes.get()
            complaints = found.complaints
            sick = xid.filter { !found.tellsRecovery.contains($0.key) }
            sick.merge(mig?.unclear ?? [:]) { first, _ in first }
            sick.merge(found.sick) { $1 }
            let gpus = found.gpus.map { gpu in
                found.divided.contains(gpu.uuid) ? gpu.divided(into: mig?.parts[gpu.uuid] ?? []) : gpu
            }
            survey = .found(gpus: gpus)
            self.processes = try GPUQuery.readProcesses(running)
            self.processes.merge(mig?.processes ?? [:]) { $0.union($1) }
        } catch ErrandFailure.notFound where !hasDriver {
            survey = .noDriver
        } catch ErrandFailure.notFound {
            survey = .failed(stderr: "this host has an NVIDIA driver but no nvidia-smi: install nvidia-utils")
        } catch {
            survey = .failed(stderr: "\(error)")
        }
    }

    /// The GPUs in MIG mode, by uuid.
    static func divided(_ devices: ErrandResult, _ health: [String]) -> Set<String> {
        (try? read(devices, health))?.divided ?? []
    }

    private static func read(_ devices: ErrandResult, _ health: [String]) throws -> GPUQuery.Devices {
        guard case .failure(.ended(_, _, let said)) = devices else {
            return try GPUQuery.readDevices(try devices.get(), health)
        }
        let found = try GPUQuery.readDevices(said, health, isWhole: false)
        if found.gpus.isEmpty { _ = try devices.get() }
        return found
    }
}

extension GPUFindings {
    /// Takes in new figures of memory, from the answer to `MIGQuery.log` or to `GPUQuery.devices` without health.
    /// - Returns: whether it could be read.
    mutating func noteMemory(_ answer: ErrandResult, isLog: Bool) -> Bool {
        guard case .found(let gpus) = survey, let text = try? answer.get() else { return false }
        if isLog {
            guard let entries = try? SMILog(text).gpus else { return false }
            survey = .found(
                gpus: gpus.map { gpu in
                    let entry = entries.first { $0.uuid == gpu.uuid }
                    return gpu.updated(memoryUsedMiB: entry?.memoryUsedMiB, from: entry)
                })
        } else {
            guard let read = try? GPUQuery.readDevices(text).gpus else { return false }
            survey = .found(
                gpus: gpus.map { gpu in
                    gpu.updated(memoryUsedMiB: read.first { $0.uuid == gpu.uuid }?.memoryUsedMiB)
                })
        }
        return true
    }
}

extension ErrandResult {
    /// The driver is too old for a field that it was asked for.
    var namesAnUnknownField: Bool {
        guard case .failure(.ended(_, _, let said)) = self else { return false }
        return said.contains("is not a valid field")
    }

    /// At least one line says something of a GPU.
    var namesAGPU: Bool {
        switch self {
        case .success: true
        case .failure(.ended(_, _, let said)): said.contains("GPU-")
        case .failure: false
        }
    }
}
