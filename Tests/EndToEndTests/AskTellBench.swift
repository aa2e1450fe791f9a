import Foundation

/// A folder with the space file of ASK_TELL.md, for clients of `coordinator ask-tell`.
final class AskTellBench {
    let folder = "/tmp/hpo-" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
    let program =
        URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
        + "/coordinator"

    static let space = """
        {"params": [
           {"name":"lr",    "type":"float", "low":1e-5, "high":1, "log":true},
           {"name":"layers","type":"int",   "low":1, "high":8},
           {"name":"opt",   "type":"categorical", "choices":["sgd","adam"]},
           {"name":"mom",   "type":"float", "low":0, "high":0.99, "when":{"opt":["sgd"]}}],
         "min_step": 1, "max_step": 81}
        """

    var storage: String { folder + "/studies.sqlite" }

    init() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try write(Self.space)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func write(_ space: String) throws {
        try space.write(toFile: folder + "/space.json", atomically: true, encoding: .utf8)
    }

    func client(_ arguments: String...) throws -> AskTellClient {
        try AskTellClient(program, ["ask-tell", "--space", folder + "/space.json"] + arguments)
    }

    /// What the program leaves that is given these lines.
    func run(_ lines: String, _ arguments: String...) throws -> (exit: Int32, output: String, errors: String)
    {
        let client = try AskTellClient(program, ["ask-tell", "--space", folder + "/space.json"] + arguments)
        client.write(lines)
        client.closeInput()
        let output = client.rest()
        return (client.exit(), output, client.errors())
    }
}

/// A running `coordinator ask-tell`.
final class AskTellClient {
    private let process = Process()
    private let (input, output, errorOutput) = (Pipe(), Pipe(), Pipe())
    private var unread = Data()

    init(_ program: String, _ arguments: [String]) throws {
        signal(SIGPIPE, SIG_IGN)
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardInput = input
        process.standardOutput = output
        process.standardError = errorOutput
        try process.run()
    }

    func write(_ text: String) { try? input.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }

    func closeInput() { try? input.fileHandleForWriting.close() }

    func closeOutput() { try? output.fileHandleForReading.close() }

    /// The next line, without its end; nil when there is none any more.
    func line() -> String? {
        while true {
            if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
                defer { unread = Data(unread[(end + 1)...]) }
                return String(decoding: unread[..<end], as: UTF8.self)
            }
            let more = output.fileHandleForReading.availableData
            if more.isEmpty { return nil }
            unread += more
        }
    }

    /// The reply to one line; nil when the program is gone.
    func say(_ line: String) -> String? {
        write(line + "\n")
        return self.line()
    }

    func reply(_ line: String) -> [String: Any]? {
        say(line).flatMap { try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
    }

    func rest() -> String {
        var text = ""
        while let line = line() { text += line + "\n" }
        return text
    }

    func errors() -> String {
        String(decoding: errorOutput.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    }

    func kill(at time: DispatchTime) {
        let process = process.processIdentifier
        DispatchQueue.global().asyncAfter(deadline: time) { Foundation.kill(process, SIGKILL) }
    }

    func kill() { Foundation.kill(process.processIdentifier, SIGKILL) }

    func exit() -> Int32 {
        process.waitUntilExit()
        return process.terminationStatus
    }
}
