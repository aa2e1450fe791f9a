/// Cuts a trainer's output into lines, whatever it writes: a carriage return ends a line too (progress
/// bars), empty lines are left out, bytes that are no UTF-8 are replaced, and of a longer line only the
/// first `longest` bytes are kept.
package struct LineCutter {
    /// Bytes of a line that are looked at.
    package static let longest = 1 << 16

    private var line: [UInt8] = []

    package init() {}

    /// The lines that `bytes` complete.
    package mutating func take(_ bytes: ArraySlice<UInt8>) -> [String] {
        var lines: [String] = []
        var rest = bytes
        while let end = rest.firstIndex(where: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            keep(rest[..<end])
            if let line = finish() { lines.append(line) }
            rest = rest[(end + 1)...]
        }
        keep(rest)
        return lines
    }

    /// What stands after the last line end, once the stream has ended.
    package mutating func finish() -> String? {
        defer { line.removeAll(keepingCapacity: true) }
        return line.isEmpty ? nil : String(decoding: line, as: UTF8.self)
    }

    private mutating func keep(_ bytes: ArraySlice<UInt8>) {
        line += bytes.prefix(Self.longest - line.count)
    }
}
