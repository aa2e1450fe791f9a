import Spawn

/// What the NVIDIA driver tells of its GPUs in `/proc`, and the kernel of the bus in `/sys`.
struct DriverFolder {
    static let standard = "/proc/driver/nvidia"
    static let standardBus = "/sys/bus/pci/devices"

    var path = standard
    /// A folder for each device of the PCI bus.
    var bus = standardBus

    /// The names on the bus, as `0000:3b:00.0`, by the uuids of the GPUs: the folder with such a name in `gpus` has a
    /// file `information` with a line `GPU UUID: GPU-…`.
    var busNames: [String: String] {
        var found: [String: String] = [:]
        for name in names(in: path + "/gpus") {
            let text = contents("\(path)/gpus/\(name)/information").map {
                String(decoding: $0, as: UTF8.self)
            }
            let line = text?.split(separator: "\n").first { $0.hasPrefix("GPU UUID:") }
            if let line { found[trimmed(line.dropFirst("GPU UUID:".count))] = name }
        }
        return found
    }

    /// The cores of the NUMA nodes that these GPUs are attached to (`local_cpulist`, Documentation/ABI/testing/
    /// sysfs-bus-pci): a program that runs elsewhere copies to its GPU through another socket. nil where that is not
    /// known of all of them.
    func cores(near gpus: Set<String>) -> Cores? {
        guard !gpus.isEmpty else { return nil }
        let names = busNames
        var numbers: Set<Int> = []
        for gpu in gpus {
            guard let name = names[gpu], let list = contents("\(bus)/\(name)/local_cpulist"),
                let cores = Cores(list: trimmed(String(decoding: list, as: UTF8.self)))
            else { return nil }
            numbers.formUnion(cores.numbers)
        }
        return numbers.isEmpty ? nil : Cores(numbers)
    }
}
