import FleetModel
import FoundationEssentials
import Glibc
import Testing

@testable import native

struct CorpusTests {
    @Test func `the tail of each file is for validation`() {
        let corpus = Corpus(files: [Array(0..<10), Array(100..<120)], validationShare: 0.2)
        #expect(corpus.training == Array(0..<8) + Array(100..<116))
        #expect(corpus.validation == [8, 9, 116, 117, 118, 119])
    }

    @Test func `batches lie within the training text and reach both its ends`() {
        let corpus = Corpus(files: [[UInt8](repeating: 1, count: 40)], validationShare: 0.5)
        var generator = SeededGenerator(seed: 1)
        let starts = Set(corpus.batch(500, context: 16, generator: &generator).starts)
        #expect(starts == Set(0...3))
    }

    @Test func `validation windows are spread over the whole tail and do not overlap`() {
        let corpus = Corpus.letters(5000)
        for tokens in [64, 300, 1 << 20] {
            let starts = Array(corpus.validationWindows(context: 64, tokens: tokens).starts)
            #expect(starts.count == min(tokens, 999) / 64)
            #expect(zip(starts, starts.dropFirst()).allSatisfy { $1 - $0 >= 64 })
            #expect(starts.first == 0 && (starts.count == 1 || starts.last == 1000 - 65))
        }
    }

    @Test func `too little text for one window is a problem that says how much there is`() {
        let corpus = Corpus(files: [[UInt8](repeating: 1, count: 100)], validationShare: 0.1)
        #expect(corpus.fault(context: 9) == nil)
        let fault = corpus.fault(context: 10)
        #expect(fault?.found == "90 bytes for training and 10 for validation")
    }

    @Test func `folders are read two levels deep, in order of names, and links not twice`() throws {
        try withTemporaryFolder { folder in
            try write("b", to: folder + "/b.txt")
            try write("a", to: folder + "/sub/a.txt")
            try write("deep", to: folder + "/sub/deeper/x.txt")
            try write("hidden", to: folder + "/.hidden")
            symlink(folder + "/b.txt", folder + "/a-link")
            symlink(folder + "/missing", folder + "/broken-link")
            let texts = try TextFiles.read([folder, folder + "/b.txt", folder + "/sub/a.txt"])
            #expect(texts.map { String(decoding: $0, as: UTF8.self) } == ["b", "a"])
        }
    }

    @Test func `a path that is not there is a problem at its place`() {
        let fault = #expect(throws: Problem.self) {
            try TextFiles.read(["/etc/hostname", "/nowhere/at/all"])
        }
        #expect(fault?.path == ["data", "1"])
        #expect(fault?.found == "nothing at /nowhere/at/all")
    }

    private func write(_ text: String, to path: String) throws {
        let folder = URL(filePath: path).deletingLastPathComponent().path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: path))
    }
}
