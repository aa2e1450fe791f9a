import FoundationEssentials
import Glibc

/// The scalars of TensorBoard's event files below a folder, read as they grow.
///
/// A file is a sequence of TFRecords (tensorflow/core/lib/io/record_writer.h): the length of the data (8 bytes,
/// little-endian), its masked CRC-32C (4), the data, their masked CRC-32C (4). The data are an `Event` in
/// protobuf (tensorflow/core/util/event.proto): 2 step, 5 summary { 1 value { 1 tag, 2 simple_value, 8 tensor } }.
struct EventFiles {
    fileprivate struct File {
        var tail: FileTail
        var rest: [UInt8] = []
        /// A record was damaged: what follows cannot be found.
        var isBroken = false
    }

    private let folder: String
    private var files: [String: File] = [:]
    private var nextSearch = 0.0

    init(below folder: String) {
        self.folder = folder
    }

    /// The files that were found so far.
    var places: [String] { Array(files.keys) }

    /// Whether the last reading left something.
    var hasMore: Bool { files.values.contains { $0.tail.hasMore && !$0.isBroken } }

    /// Scalars as JSON objects, in the order of their steps.
    mutating func read(isLast: Bool = false) -> [String] {
        search(isDue: isLast)
        var found: [EventScalar] = []
        for path in files.keys.sorted() {
            repeat { found += files[path]!.scalars() } while isLast && files[path]!.tail.hasMore
        }
        return found.sorted { $0.step < $1.step }.map {
            "{\"step\":\($0.step)," + jsonMember($0.tag, $0.value) + "}"
        }
    }

    /// Looks for new files, not more than once a second: that walks through folders.
    private mutating func search(isDue: Bool) {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        guard isDue || Double(now.tv_sec) >= nextSearch else { return }
        nextSearch = Double(now.tv_sec) + 1
        let paths = (try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? []
        for path in paths where path.split(separator: "/").last?.contains("tfevents") == true {
            let place = folder + "/" + path
            if files[place] == nil { files[place] = File(tail: FileTail(place)) }
        }
    }
}

extension EventFiles.File {
    fileprivate mutating func scalars() -> [EventScalar] {
        guard !isBroken else { return [] }
        let (bytes, isNew) = tail.read()
        rest = isNew ? bytes : rest + bytes
        var found: [EventScalar] = []
        var start = 0
        while let record = TFRecord(rest[start...]) {
            guard case .data(let data, let end) = record else {
                isBroken = true
                break
            }
            found += EventScalar.all(in: data)
            start = end
        }
        rest.removeFirst(start)
        return found
    }
}

/// One record of an event file.
enum TFRecord {
    /// Its data, and where the next one starts.
    case data(ArraySlice<UInt8>, end: Int)
    case damaged

    /// More than any scalar needs; a longer one is a damaged length.
    private static let longest: UInt64 = 1 << 24

    /// The record at the start of `bytes`; nil where it is not all there yet.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count >= 12 else { return nil }
        let length = bytes.littleEndian(8, at: 0)
        guard length <= Self.longest, Self.masked(bytes.prefix(8)) == bytes.littleEndian(4, at: 8) else {
            self = .damaged
            return
        }
        let size = Int(length)
        guard bytes.count >= 16 + size else { return nil }
        let data = bytes.dropFirst(12).prefix(size)
        guard Self.masked(data) == bytes.littleEndian(4, at: 12 + size) else {
            self = .damaged
            return
        }
        self = .data(data, end: bytes.startIndex + 16 + size)
    }

    /// CRC-32C (Castagnoli), rotated and shifted as TensorFlow does (core/lib/hash/crc32c.h).
    static func masked(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        var crc: UInt32 = 0xffff_ffff
        for byte in bytes { crc = table[Int((crc ^ UInt32(byte)) & 0xff)] ^ (crc >> 8) }
        crc = ~crc
        return UInt64(((crc >> 15) | (crc << 17)) &+ 0xa282_ead8)
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { crc, _ in crc & 1 == 1 ? 0x82f6_3b78 ^ (crc >> 1) : crc >> 1 }
    }
}

/// A number with its tag and step.
struct EventScalar: Hashable {
    let step: Int
    let tag: String
    let value: Double

    /// The scalars of an `Event`.
    static func all(in event: ArraySlice<UInt8>) -> [EventScalar] {
        let fields = ProtobufField.all(in: event)
        let step = fields.first { $0.number == 2 }?.integer ?? 0
        return fields.filter { $0.number == 5 }.flatMap { summary in
            ProtobufField.all(in: summary.bytes).filter { $0.number == 1 }
                .compactMap { scalar(of: $0.bytes, step: step) }
        }
    }

    private static func scalar(of value: ArraySlice<UInt8>, step: Int) -> EventScalar? {
        let fields = ProtobufField.all(in: value)
        guard let tag = fields.first(where: { $0.number == 1 }) else { return nil }
        let number =
            fields.first { $0.number == 2 }?.float
            ?? fields.first { $0.number == 8 }.flatMap { element(ofTensor: $0.bytes) }
        return number.map {
            EventScalar(step: step, tag: String(decoding: tag.bytes, as: UTF8.self), value: $0)
        }
    }

    /// The one element of a `TensorProto`: 1 dtype (1 float, 2 double), 4 tensor_content, 5 float_val,
    /// 6 double_val.
    private static func element(ofTensor tensor: ArraySlice<UInt8>) -> Double? {
        let fields = ProtobufField.all(in: tensor)
        let isDouble = fields.first { $0.number == 1 }?.integer == 2
        let holder = fields.first { $0.number == 4 && !$0.bytes.isEmpty }
        let field = holder ?? fields.first { $0.number == (isDouble ? 6 : 5) }
        return isDouble ? field?.double : field?.float
    }
}

/// A field of a protobuf message (protobuf.dev/programming-guides/encoding).
struct ProtobufField {
    let number: Int
    /// What a varint holds; 0 for the other kinds.
    let integer: Int
    /// The bytes of the other kinds.
    let bytes: ArraySlice<UInt8>

    var float: Double? {
        bytes.count == 4 ? Double(Float(bitPattern: UInt32(bytes.littleEndian(4, at: 0)))) : nil
    }

    var double: Double? {
        bytes.count == 8 ? Double(bitPattern: bytes.littleEndian(8, at: 0)) : nil
    }

    /// The fields up to the first that cannot be read.
    static func all(in message: ArraySlice<UInt8>) -> [ProtobufField] {
        var rest = message
        var fields: [ProtobufField] = []
        while let key = varint(&rest) {
            let number = Int(key >> 3)
            switch key & 7 {
            case 0:
                guard let value = varint(&rest) else { return fields }
                fields.append(.init(number: number, integer: Int(truncatingIfNeeded: value), bytes: []))
            case 1, 2, 5:
                let size = key & 7 == 1 ? 8 : key & 7 == 5 ? 4 : varint(&rest) ?? .max
                guard size <= UInt64(rest.count) else { return fields }
                fields.append(.init(number: number, integer: 0, bytes: rest.prefix(Int(size))))
                rest = rest.dropFirst(Int(size))
            default: return fields
            }
        }
        return fields
    }

    private static func varint(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 70, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7f) << UInt64(shift)
            if byte < 0x80 { return value }
        }
        return nil
    }
}

extension ArraySlice<UInt8> {
    fileprivate func littleEndian(_ size: Int, at offset: Int) -> UInt64 {
        dropFirst(offset).prefix(size).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
