import Foundation
import Spawn

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
        try AskTellClient(
            program, ["ask-tell", "--space", folder + "/space.json"] + arguments, in: folder)
    }

    /// What the program leaves that is given these lines.
    func run(_ lines: String, _ arguments: String...) throws -> (exit: Int32, output: String, errors: String)
    {
        let client = try AskTellClient(
            program, ["ask-tell", "--space", folder + "/space.json"] + arguments, in: folder)
        client.write(lines)
        client.closeInput()
        let output = client.rest()
        return (client.exit(), output, client.errors())
    }
}

/// A running `coordinator ask-tell`, whose client writes and reads as it likes.
final class AskTellClient {
    private let child: ChildProcess
    private var input: Int32
    private var output: Int32
    private var unread: [UInt8] = []
    private let errorFile: String

    init(_ program: String, _ arguments: [String], in folder: String) throws {
        signal(SIGPIPE, SIG_IGN)
        errorFile = folder + "/stderr-" + String(UInt32.random(in: 0...UInt32.max), radix: 36)
        let stderr = open(errorFile, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        let (there, back) = (try Spawn.Pipe(), try Spawn.Pipe())
        defer { for descriptor in [stderr, there.reading, back.writing] { close(descriptor) } }
        var order = Program([program] + arguments)
        (order.input, order.output, order.errors) = (there.reading, back.writing, stderr)
        child = try order.spawn()
        (input, output) = (there.writing, back.reading)
    }

    deinit {
        closeInput()
        closeOutput()
    }

    func write(_ text: String) { try? writeAll(Array(text.utf8), to: input) }

    func closeInput() {
        if input >= 0 { close(input) }
        input = -1
    }

    func closeOutput() {
        if output >= 0 { close(output) }
        output = -1
    }

    /// The next line, without its end; nil when there is none any more.
    func line() -> String? {
        while true {
            if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
                defer { unread.removeFirst(end + 1) }
                return String(decoding: unread[..<end], as: UTF8.self)
            }
            guard case .bytes(let more) = receive(output) else { return nil }
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

    func errors() -> String { (try? String(contentsOfFile: errorFile, encoding: .utf8)) ?? "" }

    func kill(at time: DispatchTime) {
        DispatchQueue.global().asyncAfter(deadline: time) { [child] in child.signalGroup(SIGKILL) }
    }

    func kill() { child.signalGroup(SIGKILL) }

    func exit() -> Int32 { child.wait().code }
}
