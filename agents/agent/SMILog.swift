/// What `nvidia-smi -q -x` says of memory, MIG devices and processes. The rest of it is passed over.
///
/// The format is nvsmi_device_v12.dtd, which nvidia-smi prints with `--dtd`: below each `gpu` stand `uuid`,
/// `fb_memory_usage`, `mig_devices` with a `mig_device` each (or the word None), and `processes` with a
/// `process_info` each, which names the GPU instance and compute instance that the process is in, or N/A.
struct SMILog: Hashable {
    /// A compute instance of a GPU instance.
    struct Place: Hashable {
        let instance: Int
        let compute: Int
    }

    /// A MIG device. Its UUID is not in all versions of the format.
    struct Device: Hashable {
        let index: Int
        let place: Place
        let memoryTotalMiB: Int
        let memoryUsedMiB: Int
    }

    /// What is said below `gpu`.
    struct Entry: Hashable {
        var uuid = ""
        /// nil where it is not told, as of a GPU that MIG divides.
        var memoryUsedMiB: Int?
        var devices: [Device] = []
        /// Those in a MIG device.
        var processes: [Place: Set<Int32>] = [:]
    }

    private(set) var gpus: [Entry] = []
    /// Elements that are open, outermost first.
    private var path: [Substring] = []
    /// Leaves of the innermost `gpu`, `mig_device` or `process_info` that is open; those of memory under `memory/`.
    private var fields: [String: Substring] = [:]
    private var entry = Entry()
    private var isWhole = false

    /// - Throws: where it is no such log, or not all of it, or a MIG device lacks what names it.
    init(_ xml: String) throws(GPUQuery.Unreadable) {
        for piece in xml.split(separator: "<", omittingEmptySubsequences: false).dropFirst() {
            guard let end = piece.firstIndex(of: ">") else { continue }
            let (tag, text) = (piece[..<end], piece[piece.index(after: end)...])
            if tag.hasPrefix("/") {
                try close(tag.dropFirst())
            } else if !tag.hasPrefix("?"), !tag.hasPrefix("!"), !tag.hasSuffix("/") {
                open(tag.prefix { !$0.isWhitespace }, text)
            }
        }
        guard isWhole else {
            throw GPUQuery.Unreadable(line: String(xml.suffix(80)), expected: "the end of an nvidia_smi_log")
        }
    }

    private mutating func open(_ name: Substring, _ text: Substring) {
        switch name {
        case "gpu": (entry, fields) = (Entry(), [:])
        case "mig_device", "process_info": fields = [:]
        default: note(name, text)
        }
        path.append(name)
    }

    /// Keeps the text of a leaf.
    private mutating func note(_ name: Substring, _ text: Substring) {
        switch (path.last, name) {
        case ("gpu", "uuid"): entry.uuid = trimmed(text)
        case ("fb_memory_usage", "used") where path.dropLast().last == "gpu":
            entry.memoryUsedMiB = Self.number(text)
        case ("fb_memory_usage", _): fields["memory/\(name)"] = text
        case ("mig_device", _), ("process_info", _): fields[String(name)] = text
        default: break
        }
    }

    /// Closes an element and what was left open in it: names of processes are not always escaped.
    private mutating func close(_ name: Substring) throws(GPUQuery.Unreadable) {
        guard let place = path.lastIndex(of: name) else { return }
        path.removeSubrange(place...)
        switch name {
        case "mig_device": entry.devices.append(try device())
        case "process_info":
            if let place = self.place, let pid = fields["pid"].flatMap({ Int32(trimmed($0)) }) {
                entry.processes[place, default: []].insert(pid)
            }
        case "gpu": gpus.append(entry)
        case "nvidia_smi_log": isWhole = path.isEmpty
        default: break
        }
    }

    private func device() throws(GPUQuery.Unreadable) -> Device {
        guard let place, let index = fields["index"].flatMap(Self.number),
            let total = fields["memory/total"].flatMap(Self.number)
        else {
            let said = fields.sorted { $0.key < $1.key }.map { "\($0.key) \(trimmed($0.value))" }
            throw GPUQuery.Unreadable(
                line: said.joined(separator: ", "),
                expected: "a mig_device with index, gpu_instance_id, compute_instance_id and memory")
        }
        return Device(
            index: index, place: place, memoryTotalMiB: total,
            memoryUsedMiB: fields["memory/used"].flatMap(Self.number) ?? 0)
    }

    private var place: Place? {
        guard let instance = fields["gpu_instance_id"].flatMap(Self.number),
            let compute = fields["compute_instance_id"].flatMap(Self.number)
        else { return nil }
        return Place(instance: instance, compute: compute)
    }

    /// `7` of `7` and of `7 MiB`; nil for N/A.
    private static func number(_ text: Substring) -> Int? {
        text.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }
    }
}
