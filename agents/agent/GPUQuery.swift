import FleetModel
import Spawn

/// What `nvidia-smi` is asked, and how its answer reads.
enum GPUQuery {
    /// The GPUs there are. Memory in MiB.
    static let devices = [
        "--query-gpu=index,uuid,name,memory.total,memory.used", "--format=csv,noheader,nounits",
    ]
    /// The processes on them.
    static let processes = ["--query-compute-apps=gpu_uuid,pid,used_memory", "--format=csv,noheader,nounits"]

    /// A line of the answer that is not as asked for.
    struct Unreadable: Error, Hashable, CustomStringConvertible {
        let line: String
        let expected: String

        var description: String { "nvidia-smi wrote \"\(line)\", expected \(expected)" }
    }

    /// The answer to `devices`, one line a GPU. Used memory that the driver does not tell (`[N/A]`) counts as 0.
    static func readDevices(_ text: String) throws(Unreadable) -> [GPU] {
        var gpus: [GPU] = []
        for line in lines(text) {
            let fields = fields(line)
            guard fields.count >= 5, let index = Int(fields[0]), index >= 0, fields[1].hasPrefix("GPU-"),
                let total = Int(fields[fields.count - 2]), let used = number(fields[fields.count - 1])
            else { throw Unreadable(line: line, expected: "index, uuid, name, total MiB, used MiB") }
            // A name may hold a comma.
            let name = fields[2..<fields.count - 2].joined(separator: ", ")
            gpus.append(
                GPU(index: index, uuid: fields[1], name: name, memoryTotalMiB: total, memoryUsedMiB: used))
        }
        guard Set(gpus.map(\.index)).count == gpus.count else {
            throw Unreadable(line: text, expected: "each GPU once")
        }
        return gpus.sorted { $0.index < $1.index }
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
        field == "[N/A]" || field == "[Not Supported]" ? 0 : Int(field).flatMap { $0 >= 0 ? $0 : nil }
    }
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
    /// By the GPU's uuid.
    var processes: [String: Set<Int32>] = [:]

    /// What two answers of nvidia-smi say together; a failure of either is a failure.
    init(devices: ErrandResult, processes: ErrandResult, hasDriver: Bool) {
        do {
            let devices = try devices.get()
            let running = try processes.get()
            survey = .found(gpus: try GPUQuery.readDevices(devices))
            self.processes = try GPUQuery.readProcesses(running)
        } catch ErrandFailure.notFound where !hasDriver {
            survey = .noDriver
        } catch ErrandFailure.notFound {
            survey = .failed(stderr: "this host has an NVIDIA driver but no nvidia-smi: install nvidia-utils")
        } catch {
            survey = .failed(stderr: "\(error)")
        }
    }
}
