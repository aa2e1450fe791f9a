import FoundationEssentials
import Wire

/// The beginning of what an agent writes: noise, then its hello, then messages.
struct Greeting {
    /// How much noise is kept. Bytes.
    static let longestBanner = 64 << 10

    private(set) var hello: Hello?
    /// What came before the hello, for the message when none comes.
    private(set) var banner = ""
    private var splitter = LineSplitter()

    /// The lines that follow the hello, as far as `bytes` completes them.
    mutating func take(_ bytes: [UInt8]) throws -> [Data] {
        let lines = try splitter.take(bytes)
        guard hello == nil else { return lines }
        for (index, line) in lines.enumerated() {
            let text = String(decoding: line, as: UTF8.self)
            if let found = try Hello.read(text) {
                hello = found
                return Array(lines[(index + 1)...])
            }
            if banner.utf8.count + text.utf8.count < Self.longestBanner { banner += text + "\n" }
        }
        return []
    }
}
