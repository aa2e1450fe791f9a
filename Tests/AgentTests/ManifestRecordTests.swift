import FleetModel
import Foundation
import Testing

@testable import agent

@Suite struct `the record of a checkpoint` {
    /// As it is on disk.
    private static func saved(_ bytes: [UInt8]) throws -> ManifestRecord? {
        let scratch = try Scratch()
        let path = scratch.path + "/record"
        try Data(bytes).write(to: URL(filePath: path))
        return withExtendedLifetime(scratch) { ManifestRecord(at: path) }
    }

    private static let record = ManifestRecord(
        manifest: `a manifest`.sample,
        signatures: (0..<3).map { FileSignature(size: $0, inode: UInt64.max - UInt64($0), modified: -$0) },
        checksums: (0..<`a manifest`.sample.chunkCount).map { Checksum(value: UInt64.max - UInt64($0)) })

    @Test func `reads back as it was written`() throws {
        let read = try #require(try Self.saved(Self.record.bytes))
        #expect(read.manifest == Self.record.manifest)
        #expect(read.signatures == Self.record.signatures)
        #expect(read.checksums == Self.record.checksums)
    }

    @Test func `cut off anywhere, it is none, and so it is made anew`() throws {
        let bytes = Self.record.bytes
        for length in 0..<bytes.count { #expect(try Self.saved(Array(bytes[..<length])) == nil) }
    }

    @Test func `with counts that cannot be, or without checksums as older agents wrote it, it is none`()
        throws
    {
        let bytes = Self.record.bytes
        for place in [0, 8] {
            var wrong = bytes
            wrong.replaceSubrange(place..<place + 8, with: [UInt8](repeating: 0x7f, count: 8))
            #expect(try Self.saved(wrong) == nil)
        }
        let older = bytes[..<8] + bytes[16..<16 + 3 * 24] + Self.record.manifest.bytes
        #expect(try Self.saved(Array(older)) == nil)
    }

    @Test func `knows the bytes of each chunk`() throws {
        let scratch = try Scratch()
        let bytes = (0..<(Manifest.chunkSize + 1)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        try Data(bytes).write(to: URL(filePath: scratch.path + "/b"))
        try Data([1, 2, 3]).write(to: URL(filePath: scratch.path + "/a"))
        let record = try ManifestRecord(hashing: scratch.path)
        let chunks = [[1, 2, 3], Array(bytes[..<Manifest.chunkSize]), [bytes.last!]]
        #expect(record.checksums == chunks.map { $0.withUnsafeBytes(Checksum.init(of:)) })
        #expect(Set(record.checksums).count == 3)
    }
}
