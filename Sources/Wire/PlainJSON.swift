import Glibc

/// Reads JSON of the plainest kind, which is what programs print of their metrics: one object of numbers and
/// short texts. Answers nil for all else, be it right or wrong, for which a decoder must then be asked; where it
/// answers, it is what a decoder answers (RFC 8259).
package struct PlainJSON {
    package enum Value {
        case number(Double)
        /// Without escapes.
        case text(String)
        /// `null`, `true` or `false`.
        case nothing
    }

    package struct Member {
        package let name: String
        package let value: Value
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    private var place = 0

    /// - Parameter bytes: outlive this value.
    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes.assumingMemoryBound(to: UInt8.self)
    }

    /// The members of a line that is one object, in their order.
    package static func members(of line: String) -> [Member]? {
        var line = line
        return line.withUTF8 { bytes in
            var text = PlainJSON(UnsafeRawBufferPointer(bytes))
            text.skipSpace()
            guard text.take("{"), let members = text.membersToEnd(), text.take("}") else { return nil }
            text.skipSpace()
            return text.isAtEnd ? members : nil
        }
    }

    var isAtEnd: Bool { place == bytes.count }

    /// Takes these very bytes.
    mutating func take(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard count <= bytes.count - place,
            count == 0 || memcmp(bytes.baseAddress! + place, text.utf8Start, count) == 0
        else { return false }
        place += count
        return true
    }

    /// The members before the next `}`, in their order. One name twice is left to the decoder, and so are more
    /// members than can be compared in no time.
    mutating func membersToEnd() -> [Member]? {
        var members: [Member] = []
        skipSpace()
        if next == UInt8(ascii: "}") { return members }
        while true {
            skipSpace()
            guard members.count < 64, let name = string(), !members.contains(where: { $0.name == name })
            else {
                return nil
            }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { return nil }
            skipSpace()
            guard let value = value() else { return nil }
            members.append(Member(name: name, value: value))
            skipSpace()
            if next == UInt8(ascii: "}") { return members }
            guard take(UInt8(ascii: ",")) else { return nil }
        }
    }

    /// A whole number of at most 18 digits.
    mutating func integer() -> Int? {
        let isNegative = take(UInt8(ascii: "-"))
        let (value, count) = digits()
        guard (1...18).contains(count) else { return nil }
        return isNegative ? -Int(value) : Int(value)
    }
}

extension PlainJSON {
    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    private mutating func skipSpace() {
        while let next, next == 0x20 || next == 0x09 || next == 0x0a || next == 0x0d { place += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        place += 1
        return true
    }

    private mutating func value() -> Value? {
        switch next {
        case UInt8(ascii: "\""): string().map(Value.text)
        case UInt8(ascii: "n"), UInt8(ascii: "t"), UInt8(ascii: "f"):
            take("null") || take("true") || take("false") ? .nothing : nil
        default: number().map(Value.number)
        }
    }

    private mutating func string() -> String? {
        guard take(UInt8(ascii: "\"")) else { return nil }
        let start = place
        var all: UInt8 = 0
        while let byte = next, byte >= 0x20, byte != UInt8(ascii: "\\") {
            place += 1
            if byte == UInt8(ascii: "\"") {
                let text = UnsafeBufferPointer(rebasing: bytes[start..<place - 1])
                // To look whether it is UTF-8 costs more than all else here, and what is ASCII is.
                return all < 0x80
                    ? String(decoding: text, as: UTF8.self) : String(validating: text, as: UTF8.self)
            }
            all |= byte
        }
        return nil
    }

    /// What does not fit a normal number of 64 bits is left to the decoder.
    private mutating func number() -> Double? {
        let start = place
        let isNegative = take(UInt8(ascii: "-"))
        let hasZero = next == UInt8(ascii: "0")
        let (whole, count) = digits()
        guard count == 1 || count > 1 && !hasZero else { return nil }
        var fraction: (value: UInt64, count: Int) = (0, 0)
        if take(UInt8(ascii: ".")) {
            fraction = digits()
            if fraction.count == 0 { return nil }
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            place += 1
            _ = take(UInt8(ascii: "-")) || take(UInt8(ascii: "+"))
            if digits().count == 0 { return nil }
        } else if count + fraction.count <= 15 {
            // Both are whole numbers below 2^53, and so is the power: their quotient is rounded once.
            let power = Self.powers[fraction.count]
            let size = (Double(whole) * power + Double(fraction.value)) / power
            return isNegative ? -size : size
        }
        let number = Double(String(decoding: bytes[start..<place], as: UTF8.self))
        return number?.isNormal == true ? number : nil
    }

    private static let powers: [Double] = (0...15).map { (0..<$0).reduce(1) { power, _ in power * 10 } }

    /// What the next digits are worth, and how many they are; above 19 of them the worth is not right.
    private mutating func digits() -> (value: UInt64, count: Int) {
        let start = place
        var value: UInt64 = 0
        while let next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(next) {
            value = value &* 10 &+ UInt64(next - UInt8(ascii: "0"))
            place += 1
        }
        return (value, place - start)
    }
}
