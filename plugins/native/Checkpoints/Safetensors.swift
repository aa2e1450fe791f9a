import FoundationEssentials

/// What is wrong with a checkpoint, in words for people.
struct CheckpointFault: Error, Hashable, CustomStringConvertible {
    let description: String
}

/// Named Float32 tensors in the safetensors format (github.com/huggingface/safetensors): eight bytes of
/// header length, little-endian; a JSON header that gives each tensor's type, shape and place; raw data.
enum Safetensors {
    /// One tensor to write.
    struct Source {
        let name: String
        let shape: [Int]
        let values: Floats
    }

    /// A tensor in the header.
    fileprivate struct Entry: Codable {
        let dtype: String
        let shape: [Int]
        /// First byte and the one after the last, counted from the end of the header.
        let data_offsets: [Int]
    }

    /// The bytes of a file with these tensors, in this order.
    static func encode(_ tensors: [Source]) throws -> Data {
        let (text, end) = try header(of: tensors)
        var bytes = Data(capacity: 8 + text.count + end)
        withUnsafeBytes(of: UInt64(text.count).littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(text)
        for tensor in tensors {
            let count = tensor.shape.reduce(1, *)
            bytes.append(UnsafeBufferPointer(start: tensor.values, count: count))
        }
        return bytes
    }

    /// How many bytes `encode` answers.
    static func size(of tensors: [Source]) throws -> Int {
        let (text, end) = try header(of: tensors)
        return 8 + text.count + end
    }

    /// The header, and how many bytes of data follow it.
    private static func header(of tensors: [Source]) throws -> (text: Data, end: Int) {
        var header: [String: Entry] = [:]
        var end = 0
        for tensor in tensors {
            let start = end
            end += tensor.shape.reduce(4, *)
            header[tensor.name] = Entry(dtype: "F32", shape: tensor.shape, data_offsets: [start, end])
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        var text = try encoder.encode(header)
        // The data begin on a multiple of eight bytes.
        text.append(contentsOf: [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8))
        return (text, end)
    }
}

/// A safetensors file that was read; nothing in it is trusted.
struct SafetensorsFile {
    private let bytes: Data
    private let entries: [String: Safetensors.Entry]
    /// Offset of the data in `bytes`.
    private let start: Int

    init(_ bytes: Data) throws(CheckpointFault) {
        guard bytes.count >= 8 else {
            throw CheckpointFault(
                description:
                    "found \(bytes.count) bytes, expected a header length of 8: the file is truncated")
        }
        let length = bytes.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= UInt64(bytes.count - 8) else {
            throw CheckpointFault(
                description: "found a header of \(length) bytes in a file of \(bytes.count): "
                    + "the file is truncated or no safetensors file")
        }
        start = 8 + Int(length)
        self.bytes = bytes
        do {
            let header = Data(bytes.dropFirst(8).prefix(Int(length)))
            entries = try JSONDecoder().decode([String: Header].self, from: header).compactMapValues(\.entry)
        } catch {
            throw CheckpointFault(description: "the header is no list of tensors: \(error)")
        }
    }

    /// `__metadata__` is the one member of a header that is no tensor.
    private enum Header: Decodable {
        case tensor(Safetensors.Entry)
        case metadata([String: String])

        init(from decoder: any Decoder) throws {
            if let metadata = try? [String: String](from: decoder) {
                self = .metadata(metadata)
            } else {
                self = .tensor(try Safetensors.Entry(from: decoder))
            }
        }

        var entry: Safetensors.Entry? {
            guard case .tensor(let entry) = self else { return nil }
            return entry
        }
    }

    /// Copies a tensor of exactly that shape to `target`.
    func read(_ name: String, shape: [Int], into target: Floats) throws(CheckpointFault) {
        guard let entry = entries[name] else {
            throw CheckpointFault(description: "found no tensor \(name)")
        }
        guard entry.dtype == "F32", entry.shape == shape else {
            throw CheckpointFault(
                description: "\(name): found \(entry.dtype) \(entry.shape), expected F32 \(shape)")
        }
        let size = shape.reduce(4, *)
        let room = bytes.count - start
        guard entry.data_offsets.count == 2, let first = entry.data_offsets.first,
            let last = entry.data_offsets.last, first >= 0, last >= size, last <= room, last - size == first
        else {
            throw CheckpointFault(
                description: "\(name): found the place \(entry.data_offsets), expected \(size) bytes within "
                    + "\(room): the file is truncated or damaged")
        }
        let place = bytes.startIndex + start + first
        UnsafeMutableRawBufferPointer(start: target, count: size).copyBytes(from: bytes[place..<place + size])
    }
}
