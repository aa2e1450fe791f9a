/// The bytes of a manifest, one form for one content; all numbers big-endian:
///
///     "ihpo-manifest-1\n"  chunk size u32  entries u32
///     and for each entry: kind u8 ("d", "f" or "l")  mode u16  length u16  path
///     a file: size u64, and 32 bytes for each chunk; a link: length u16, target
extension Manifest {
    private static let mark = Array("ihpo-manifest-1\n".utf8)

    public var bytes: [UInt8] {
        var bytes = Self.mark
        func add(_ number: some FixedWidthInteger) {
            for shift in stride(from: number.bitWidth - 8, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: number >> shift))
            }
        }
        func add(_ text: String) {
            add(UInt16(text.utf8.count))
            bytes += text.utf8
        }
        add(UInt32(Self.chunkSize))
        add(UInt32(entries.count))
        for entry in entries {
            bytes.append(entry.kind.letter)
            add(entry.mode)
            add(entry.path)
            switch entry.kind {
            case .folder: break
            case .file(let size, let chunks):
                add(UInt64(size))
                for chunk in chunks { bytes += chunk.bytes }
            case .link(let target): add(target)
            }
        }
        return bytes
    }

    /// Reads what `bytes` gives, from a source that is not trusted.
    public init(bytes: [UInt8]) throws(ManifestFault) {
        var reader = ManifestReader(bytes)
        guard try reader.take(Self.mark.count).elementsEqual(Self.mark),
            try reader.number(4) == Self.chunkSize
        else { throw .noManifest }
        let count = try reader.number(4)
        guard count <= ManifestFault.mostEntries else { throw .tooLarge(what: "the number of entries") }
        var entries: [Entry] = []
        for _ in 0..<count { entries.append(try reader.entry()) }
        guard reader.isAtEnd else { throw .cutOff(byte: reader.position) }
        for (before, after) in zip(entries, entries.dropFirst())
        where !before.path.utf8.lexicographicallyPrecedes(after.path.utf8) {
            throw .twice(path: after.path)
        }
        try self.init(entries)
    }
}

extension Manifest.Entry.Kind {
    fileprivate var letter: UInt8 {
        switch self {
        case .folder: UInt8(ascii: "d")
        case .file: UInt8(ascii: "f")
        case .link: UInt8(ascii: "l")
        }
    }
}

/// Takes a manifest's bytes apart, and never more of them than there are.
private struct ManifestReader {
    private let bytes: [UInt8]
    private(set) var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    mutating func take(_ count: Int) throws(ManifestFault) -> ArraySlice<UInt8> {
        guard count <= bytes.count - position else { throw .cutOff(byte: position) }
        defer { position += count }
        return bytes[position..<position + count]
    }

    mutating func number(_ count: Int) throws(ManifestFault) -> Int {
        let bytes = try take(count)
        guard bytes.count < 8 || bytes.first! < 0x40 else { throw .tooLarge(what: "a number") }
        return bytes.reduce(0) { $0 << 8 | Int($1) }
    }

    mutating func text() throws(ManifestFault) -> String {
        let start = position
        guard let text = String(validating: try take(try number(2)), as: UTF8.self) else {
            throw .cutOff(byte: start)
        }
        return text
    }

    mutating func entry() throws(ManifestFault) -> Manifest.Entry {
        let start = position
        let kind = try take(1).first!
        let (mode, path) = (UInt16(try number(2)), try text())
        switch kind {
        case UInt8(ascii: "d"): return Manifest.Entry(path: path, mode: mode, kind: .folder)
        case UInt8(ascii: "l"):
            return Manifest.Entry(path: path, mode: mode, kind: .link(target: try text()))
        case UInt8(ascii: "f"):
            let size = try number(8)
            guard size <= ManifestFault.largestSize else { throw .tooLarge(what: path) }
            let count = Manifest.chunks(ofBytes: size)
            let digests = try take(count * ChunkDigest.size)
            let chunks = (0..<count).map { number in
                ChunkDigest(digests.dropFirst(number * ChunkDigest.size).prefix(ChunkDigest.size))
            }
            return Manifest.Entry(path: path, mode: mode, kind: .file(size: size, chunks: chunks))
        default: throw .cutOff(byte: start)
        }
    }
}
