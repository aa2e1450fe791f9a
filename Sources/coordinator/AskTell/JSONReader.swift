/// Reads JSON to the letter of RFC 8259. Foundation's readers pass trailing commas, refuse `1e999`, which the
/// protocol gives a meaning, and forget how an `id` was spelt.
struct JSONReader {
    /// Lists and objects inside of each other; more would not fit on the stack.
    static let depthLimit = 256

    private let bytes: UnsafeBufferPointer<UInt8>
    private var next = 0
    private var depth = 0

    private init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    /// The one value of a text.
    static func read(_ bytes: UnsafeBufferPointer<UInt8>) throws(MalformedJSON) -> JSONValue {
        var reader = JSONReader(bytes)
        reader.skipBlanks()
        let value = try reader.value()
        reader.skipBlanks()
        guard reader.next == bytes.count else { throw reader.malformed("more after the end of the value") }
        return value
    }

    static func read(_ text: String) throws(MalformedJSON) -> JSONValue {
        let bytes = Array(text.utf8)
        let result = bytes.withUnsafeBufferPointer { buffer in
            Result { () throws(MalformedJSON) in try JSONReader.read(buffer) }
        }
        return try result.get()
    }

    private func malformed(_ problem: String) -> MalformedJSON {
        MalformedJSON(offset: next, problem: next < bytes.count ? problem : "the text ends too early")
    }

    private var byte: UInt8? { next < bytes.count ? bytes[next] : nil }

    private mutating func skipBlanks() {
        while let byte, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { next += 1 }
    }

    /// Passes over `byte` if it is next.
    private mutating func pass(_ character: UnicodeScalar) -> Bool {
        guard byte == UInt8(ascii: character) else { return false }
        next += 1
        return true
    }

    private mutating func value() throws(MalformedJSON) -> JSONValue {
        switch byte {
        case UInt8(ascii: "{"): return try nested { reader throws(MalformedJSON) in try reader.object() }
        case UInt8(ascii: "["): return try nested { reader throws(MalformedJSON) in try reader.array() }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func nested(
        _ body: (inout JSONReader) throws(MalformedJSON) -> JSONValue
    ) throws(MalformedJSON) -> JSONValue {
        guard depth < Self.depthLimit else { throw malformed("nested more than \(Self.depthLimit) deep") }
        depth += 1
        next += 1
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func object() throws(MalformedJSON) -> JSONValue {
        var members: [JSONValue.Member] = []
        skipBlanks()
        if pass("}") { return .object(members) }
        while true {
            guard byte == UInt8(ascii: "\"") else { throw malformed("expected a key in quotation marks") }
            let name = try string()
            skipBlanks()
            guard pass(":") else { throw malformed("expected : after a key") }
            skipBlanks()
            let start = next
            let value = try value()
            members.append(.init(name: name, value: value, place: start..<next))
            skipBlanks()
            if pass("}") { return .object(members) }
            guard pass(",") else { throw malformed("expected , or } in an object") }
            skipBlanks()
        }
    }

    private mutating func array() throws(MalformedJSON) -> JSONValue {
        var items: [JSONValue] = []
        skipBlanks()
        if pass("]") { return .array(items) }
        while true {
            items.append(try value())
            skipBlanks()
            if pass("]") { return .array(items) }
            guard pass(",") else { throw malformed("expected , or ] in a list") }
            skipBlanks()
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(MalformedJSON) -> JSONValue {
        for index in 0..<word.utf8CodeUnitCount {
            guard byte == word.utf8Start[index] else { throw malformed("no such word in JSON") }
            next += 1
        }
        return value
    }
}

// MARK: numbers

extension JSONReader {
    private mutating func number() throws(MalformedJSON) -> JSONValue {
        let start = next
        let isNegative = pass("-")
        guard let first = byte, Self.isDigit(first) else {
            throw malformed("expected a value: a number, a string, a list, an object, true, false or null")
        }
        var (magnitude, fits) = (0, true)
        while let digit = byte, Self.isDigit(digit) {
            if next > start + (isNegative ? 1 : 0), first == UInt8(ascii: "0") {
                throw malformed("a number begins with a needless 0")
            }
            let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int(digit - UInt8(ascii: "0")))
            (magnitude, fits) = (sum, fits && !overflow && !carry)
            next += 1
        }
        var isWhole = fits
        if pass(".") {
            isWhole = false
            try digits("after the point")
        }
        if pass("e") || pass("E") {
            isWhole = false
            if !pass("+") { _ = pass("-") }
            try digits("in the exponent")
        }
        // The integers have no -0.
        if isWhole, !(isNegative && magnitude == 0) { return .int(isNegative ? -magnitude : magnitude) }
        let text = String(decoding: bytes[start..<next], as: UTF8.self)
        guard let double = Double(text) else { throw malformed("a number out of reach") }
        return .double(double)
    }

    private mutating func digits(_ place: String) throws(MalformedJSON) {
        let start = next
        while let byte, Self.isDigit(byte) { next += 1 }
        guard next > start else { throw malformed("expected a digit \(place)") }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }
}

// MARK: strings

extension JSONReader {
    private mutating func string() throws(MalformedJSON) -> String {
        next += 1
        let start = next
        var isPlain = true
        while let byte, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw malformed("a control character in a string") }
            if byte == UInt8(ascii: "\\") {
                isPlain = false
                next += 1
            }
            next += 1
        }
        guard next < bytes.count else {
            next = bytes.count
            throw malformed("")
        }
        let end = next
        defer { next = end + 1 }
        if isPlain { return try text(of: bytes[start..<end], from: start) }
        next = start
        return try unescaped(upTo: end, from: start)
    }

    private func text(of part: some Sequence<UInt8>, from start: Int) throws(MalformedJSON) -> String {
        guard let text = String(validating: part, as: UTF8.self) else {
            throw MalformedJSON(offset: start, problem: "a string that is not UTF-8")
        }
        return text
    }

    private mutating func unescaped(upTo end: Int, from start: Int) throws(MalformedJSON) -> String {
        var result: [UInt8] = []
        while next < end {
            let byte = bytes[next]
            next += 1
            guard byte == UInt8(ascii: "\\") else {
                result.append(byte)
                continue
            }
            let escape = bytes[next]
            next += 1
            if escape == UInt8(ascii: "u") {
                result.append(contentsOf: String(Character(try scalar(upTo: end))).utf8)
            } else if let plain = Self.escapes[escape] {
                result.append(plain)
            } else {
                throw malformed("no such escape in a string")
            }
        }
        return try text(of: result, from: start)
    }

    private static let escapes: [UInt8: UInt8] = [
        UInt8(ascii: "\""): 0x22, UInt8(ascii: "\\"): 0x5C, UInt8(ascii: "/"): 0x2F,
        UInt8(ascii: "b"): 0x08, UInt8(ascii: "f"): 0x0C, UInt8(ascii: "n"): 0x0A, UInt8(ascii: "r"): 0x0D,
        UInt8(ascii: "t"): 0x09,
    ]

    /// After `\u`: four digits, and the second half where they are the first of a surrogate pair.
    private mutating func scalar(upTo end: Int) throws(MalformedJSON) -> UnicodeScalar {
        let first = try hexadecimal(upTo: end)
        if let scalar = UnicodeScalar(first) { return scalar }
        guard first < 0xDC00, next + 2 <= end, pass("\\"), pass("u") else {
            throw malformed("half of a surrogate pair")
        }
        let second = try hexadecimal(upTo: end)
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = UnicodeScalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw malformed("half of a surrogate pair") }
        return scalar
    }

    private mutating func hexadecimal(upTo end: Int) throws(MalformedJSON) -> UInt32 {
        guard next + 4 <= end else { throw malformed("expected four digits after \\u") }
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(UnicodeScalar(bytes[next])).hexDigitValue else {
                throw malformed("expected four digits after \\u")
            }
            code = code << 4 | UInt32(digit)
            next += 1
        }
        return code
    }
}
