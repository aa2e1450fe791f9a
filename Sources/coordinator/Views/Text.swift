import FleetLink
import FleetModel
import Foundation

/// Numbers, durations, bars and curves as people read them.
enum Text {
    /// At most `digits` significant digits, no trailing zeros: `0.00312`, `1.5e-05`, `64`.
    static func number(_ value: Double, digits: Int = 4) -> String {
        String(format: "%.\(digits)g", value)
    }

    /// `90 %`.
    static func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }

    /// `0:09`, `12:05`, `3:00:00`, `2d 03:00`.
    static func duration(_ seconds: Double) -> String {
        let total = Int(seconds.rounded())
        let (days, hours, minutes) = (total / 86400, total / 3600 % 24, total / 60 % 60)
        if days > 0 { return String(format: "%dd %02d:%02d", days, hours, minutes) }
        if hours > 0 { return String(format: "%d:%02d:%02d", hours, minutes, total % 60) }
        return String(format: "%d:%02d", minutes, total % 60)
    }

    /// `████░░░░`: `share` of `width` cells, clamped to 0…1.
    static func bar(_ share: Double, width: Int) -> String {
        let filled = Int((min(1, max(0, share)) * Double(width)).rounded())
        return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    }

    /// A curve in `width` cells, its own lowest value at the bottom.
    static func sparkline(_ values: [Double], width: Int) -> String {
        let marks = Array("▁▂▃▄▅▆▇█")
        guard let low = values.min(), let high = values.max() else { return "" }
        let cells = min(width, values.count)
        return String(
            (0..<cells).map { cell in
                let value = values[cell * values.count / cells]
                let level = high > low ? (value - low) / (high - low) : 0
                return marks[Int((level * Double(marks.count - 1)).rounded())]
            })
    }

    /// `lr=0.0031 batch_size=32`, by name.
    static func assignment(_ assignment: Assignment) -> String {
        assignment.sorted { $0.key < $1.key }.map { "\($0.key)=\(value($0.value))" }.joined(separator: " ")
    }

    /// A parameter's value, floats with four digits.
    static func value(_ value: ParameterValue) -> String {
        if case .float(let number) = value { Text.number(number) } else { value.description }
    }

    /// Columns padded to their widest cell, two spaces apart; no spaces at the ends of lines.
    static func table(_ rows: [[String]]) -> [String] {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = zip(row, widths)
                .map { $0 + String(repeating: " ", count: $1 - $0.count) }
                .joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }
    }

    /// An error in a sentence. Foundation's print as their parts, which are no words for people.
    static func fault(_ error: any Error) -> String {
        guard let error = error as? CocoaError else { return "\(error)" }
        let place = error.filePath ?? "a file"
        return error.code == .fileWriteOutOfSpace
            ? "the disk is full: \(place) could not be written" : "\(place): \(error.localizedDescription)"
    }

    /// That nothing can be told of a node's GPUs, which is not the same as none; nil where it can.
    static func blindness(of inventory: Inventory) -> String? {
        guard case .failed(let why) = inventory.gpus else { return nil }
        return "nvidia-smi failed, so its GPUs are not used: "
            + (why.isEmpty ? "it said nothing" : why.printable)
    }

    /// Cut to `width` characters, with `…` where something was cut.
    static func cut(_ line: String, to width: Int) -> String {
        line.count <= width ? line : String(line.prefix(max(0, width - 1))) + "…"
    }
}
