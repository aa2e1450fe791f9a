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
    mutating func take(_ bytes: [UInt8]) throws(LinkFailure) -> [Data] {
        do {
            let lines = try splitter.take(bytes)
            guard hello == nil else { return lines }
            for (index, line) in lines.enumerated() {
                if try isHello(String(decoding: line, as: UTF8.self)) {
                    return Array(lines[(index + 1)...])
                }
            }
            return []
        } catch let failure as Hello.Failure {
            guard case .otherProtocol(let theirs) = failure else { throw .noAgent(banner: banner) }
            throw .versionMismatch(ours: Hello.currentProtocol, theirs: theirs)
        } catch {
            throw .lost(why: "a line of over \(Lines.longest) bytes came")
        }
    }

    /// A login script may leave its last line without an end: then the hello stands behind it.
    private mutating func isHello(_ text: String) throws(Hello.Failure) -> Bool {
        let start = text.ranges(of: Hello.magic).last?.lowerBound ?? text.startIndex
        if let found = try Hello.read(String(text[start...])) {
            hello = found
            return true
        }
        if banner.utf8.count + text.utf8.count < Self.longestBanner { banner += text + "\n" }
        return false
    }
}
