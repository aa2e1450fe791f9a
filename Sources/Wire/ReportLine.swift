import FleetModel
import FoundationEssentials

// The line of a report by hand. Nearly all lines are reports, and each is written and read several times on its
// way; JSONEncoder and JSONDecoder take some twenty times as many instructions for one.

extension Report {
    /// The bytes that `Lines.encoded` gives for the event.
    var line: Data {
        var line: [UInt8] = []
        line.reserveCapacity(64 + 48 * metrics.count)
        line.append(Self.beginning)
        // By bytes, as JSONEncoder sorts: strings themselves compare by what they look like.
        let sorted = metrics.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        for (index, metric) in sorted.enumerated() {
            if index > 0 { line.append(UInt8(ascii: ",")) }
            line.append(quoting: metric.key)
            line.append(UInt8(ascii: ":"))
            switch metric.value {
            case .value(let number):
                line += number.description.utf8
                if line.suffix(2).elementsEqual(".0".utf8) { line.removeLast(2) }
            case .notFinite(let what): line.append(quoting: what.rawValue)
            }
        }
        line.append(Self.middle)
        line += step.description.utf8
        line.append(Self.end)
        line.append(UInt8(ascii: "\n"))
        return Data(line)
    }

    /// A report's line as `line` writes it, without its newline; nil for any other.
    init?(line: UnsafeRawBufferPointer) {
        var text = PlainJSON(line)
        guard text.take(Self.beginning), let members = text.membersToEnd(), text.take(Self.middle),
            let step = text.integer(), text.take(Self.end), text.isAtEnd
        else { return nil }
        var metrics = [String: Reading](minimumCapacity: members.count)
        for member in members {
            guard let reading = Reading(member.value) else { return nil }
            metrics[member.name] = reading
        }
        self.init(step: step, metrics: metrics)
    }

    private static let beginning: StaticString = #"{"report":{"report":{"metrics":{"#
    private static let middle: StaticString = #"},"step":"#
    private static let end: StaticString = "}}}"
}

extension Reading {
    fileprivate init?(_ value: PlainJSON.Value) {
        switch value {
        case .number(let number): self = .value(number)
        case .text(let text):
            guard let what = NotFinite(rawValue: text) else { return nil }
            self = .notFinite(what)
        case .nothing: return nil
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ text: StaticString) {
        self += UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }

    /// Appends a JSON string, escaped as JSONEncoder does it.
    fileprivate mutating func append(quoting text: String) {
        append(UInt8(ascii: "\""))
        defer { append(UInt8(ascii: "\"")) }
        let isPlain = text.utf8.allSatisfy {
            $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
        }
        if isPlain { return self += text.utf8 }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): self += [UInt8(ascii: "\\"), byte]
            case 0x20...: append(byte)
            default: self += Self.escape(ofControl: byte).utf8
            }
        }
    }

    private static func escape(ofControl byte: UInt8) -> String {
        switch byte {
        case 0x08: "\\b"
        case 0x09: "\\t"
        case 0x0a: "\\n"
        case 0x0c: "\\f"
        case 0x0d: "\\r"
        default: (byte < 0x10 ? "\\u000" : "\\u00") + String(byte, radix: 16)
        }
    }
}
