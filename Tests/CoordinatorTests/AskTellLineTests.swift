import Testing

@testable import coordinator

@Suite struct AskTellLineTests {
    /// What a line service hears of bytes that come in these pieces through a pipe.
    private func lines(_ pieces: [[UInt8]]) throws -> [String] {
        let pipe = try Pipe()
        var buffer = LineBuffer()
        var heard: [String] = []
        for piece in pieces {
            pipe.write(piece)
            var read = try buffer.read(from: pipe.reader)
            while pipe.isReadable { read = try buffer.read(from: pipe.reader) }
            #expect(read)
            buffer.takeLines(isAtEnd: false) { heard.append(Self.text($0)) }
        }
        pipe.closeWriter()
        #expect(try !buffer.read(from: pipe.reader))
        buffer.takeLines(isAtEnd: true) { heard.append(Self.text($0)) }
        return heard
    }

    private static func text(_ line: LineBuffer.Line) -> String {
        switch line {
        case .tooLong: "too long"
        case .whole(let bytes) where bytes.count > 100: "\(bytes.count) bytes"
        case .whole(let bytes): String(decoding: bytes, as: UTF8.self)
        }
    }

    @Test func `lines come whole, whatever the pieces, and a last one needs no end`() throws {
        #expect(try lines([Array("a\nb".utf8), Array("c\n\nd".utf8)]) == ["a", "bc", "", "d"])
        #expect(try lines([Array("a".utf8), Array("b".utf8), Array("\n".utf8)]) == ["ab"])
        #expect(try lines([]) == [])
    }

    @Test func `a line of 1 MiB is heard, and a longer one is said once and skipped`() throws {
        let long = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        let end = UInt8(ascii: "\n")
        // A pipe holds 64 KiB.
        func pieces(_ bytes: [UInt8]) -> [[UInt8]] {
            stride(from: 0, to: bytes.count, by: 1 << 15).map {
                Array(bytes[$0..<min($0 + 1 << 15, bytes.count)])
            }
        }
        #expect(try lines(pieces(long + [end] + Array("a\n".utf8))) == ["1048576 bytes", "a"])
        #expect(try lines(pieces(long + [0x78, end] + Array("a\n".utf8))) == ["too long", "a"])
        #expect(try lines(pieces(long + long + long + [end] + Array("a".utf8))) == ["too long", "a"])
        #expect(try lines(pieces(long + long)) == ["too long"])
    }
}
