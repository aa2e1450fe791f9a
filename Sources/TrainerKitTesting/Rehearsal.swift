public import FleetModel
public import FoundationEssentials
import Glibc
import Spawn
public import Wire

/// A promise that was not kept, in a sentence with what was found.
public struct BrokenPromise: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}

/// A trial folder of its own below the system's temporary folder, with which a plugin is run as an agent
/// runs it. Everything is gone when the value is.
public final class Rehearsal {
    public let spec: RunSpec
    public let folder: TrialFolder
    /// Put before the plugin's command line: `["prlimit", "--fsize=4096"]`.
    public var launcher: [String] = []
    private let plugin: String
    private var original: Rehearsal?
    private var running: ChildProcess?
    /// How the last plugin process ended, if nobody has waited for it yet.
    private var lastCode: Int32?

    /// A folder with `spec`, which `plugin` (path of the executable) is to run.
    public init(_ plugin: String, _ spec: RunSpec) throws {
        self.plugin = plugin
        self.spec = spec
        var random = SystemRandomNumberGenerator()
        folder = TrialFolder(path: "/tmp/rehearsal_\(String(random.next() as UInt64, radix: 36))")
        try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
        try Lines.encode(spec).write(to: URL(filePath: folder.spec))
    }

    /// Another process of the same plugin on the same folder, which stays this rehearsal's.
    public func twin() -> Rehearsal {
        Rehearsal(twinOf: self)
    }

    private init(twinOf original: Rehearsal) {
        (plugin, spec, folder, self.original) = (original.plugin, original.spec, original.folder, original)
    }

    deinit {
        if let running {
            running.signalGroup(SIGKILL)
            _ = running.wait()
        }
        if original != nil { return }
        for pid in RunProcesses.of(folder) { kill(pid, SIGKILL) }
        try? FileManager.default.removeItem(atPath: folder.path)
    }

    /// Starts the plugin and does not wait.
    public func start() throws {
        running = try spawn(["run", folder.path], output: "plugin.out")
        lastCode = nil
    }

    /// Waits for the plugin's end; its exit code, or minus the signal that ended it.
    public func wait() throws -> Int32 {
        if let lastCode { return lastCode }
        guard let running else { throw BrokenPromise("wait() before start(): a bug of the test") }
        self.running = nil
        return running.wait().code
    }

    /// Starts the plugin and waits for its end.
    @discardableResult public func run() throws -> Int32 {
        try start()
        return try wait()
    }

    /// Kills the plugin itself, and nothing else, as the kernel would.
    public func killPlugin() throws {
        guard let running else { throw BrokenPromise("killPlugin() before start(): a bug of the test") }
        kill(running.pid, SIGKILL)
        _ = try wait()
    }

    /// Writes the stop file as the agent does.
    public func order(_ order: StopOrder) throws {
        try folder.publish(order, at: folder.stop)
    }

    /// The plugin's answer to a verb that needs no folder.
    public func ask(_ arguments: [String], input: Data = Data()) throws -> (
        code: Int32, output: String, error: String
    ) {
        let question = folder.path + "/question"
        try input.write(to: URL(filePath: question))
        let descriptor = try checked("open \(question)") { open(question, O_RDONLY | O_CLOEXEC) }
        defer { close(descriptor) }
        let code = try spawn(arguments, input: descriptor, output: "answer").wait().code
        return (code, text(of: "answer"), text(of: "answer.err"))
    }

    private func spawn(_ arguments: [String], input: Int32? = nil, output: String) throws -> ChildProcess {
        let files = try [output, output + ".err"].map { name in
            let path = folder.path + "/" + name
            return try checked("open \(path)") { open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644) }
        }
        defer { for file in files { close(file) } }
        var program = Program(launcher + [plugin] + arguments)
        program.folder = folder.path
        (program.input, program.output, program.errors) = (input, files[0], files[1])
        return try program.spawn()
    }
}

extension Rehearsal {
    /// A file of the trial folder as text; empty where it is not there.
    public func text(of name: String) -> String {
        String(
            decoding: FileManager.default.contents(atPath: folder.path + "/" + name) ?? Data(), as: UTF8.self)
    }

    /// Puts a file into the trial folder.
    public func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(filePath: folder.path + "/" + name))
    }

    /// The plugin's own words to who started it.
    public var complaint: String { text(of: "plugin.out.err") }

    /// What `events.jsonl` tells so far.
    public var events: [RunEvent] {
        EventChunk(FileManager.default.contents(atPath: folder.events) ?? Data(), from: 0).events.map(\.event)
    }

    /// What the trainer said; without the seconds that TrainerKit adds.
    public var reports: [Report] {
        events.compactMap { event in
            guard case .report(let report) = event else { return nil }
            return Report(
                step: report.step, metrics: report.metrics.filter { $0.key != Report.elapsedSeconds })
        }
    }

    public var notes: [String] {
        events.compactMap { if case .note(let text) = $0 { text } else { nil } }
    }

    /// Steps of the checkpoints, in order.
    public var checkpoints: [Int] {
        events.compactMap { if case .checkpoint(_, let step) = $0 { step } else { nil } }
    }

    /// Path of the checkpoint of a step.
    public func checkpoint(ofStep step: Int) -> String? {
        for case .checkpoint(let name, step) in events { return folder.checkpoints + "/" + name }
        return nil
    }

    /// How the run ended; nil while it has not.
    public var ending: RunEnding? {
        guard case .ended(let ending) = events.last else { return nil }
        return ending
    }

    /// Whether any process carries the folder's mark.
    public var hasSurvivors: Bool { !RunProcesses.of(folder).isEmpty }

    /// Waits until `condition` holds: for at most five minutes, and not beyond the plugin's end.
    public func wait(for what: String, until condition: () -> Bool) throws {
        for _ in 0..<150_000 {
            let isOver = noticeEnd()
            if condition() { return }
            if isOver { break }
            usleep(2_000)
        }
        throw BrokenPromise("waited in vain for \(what); events so far: \(events.suffix(5)); \(complaint)")
    }

    private func noticeEnd() -> Bool {
        if let end = running?.endIfOver() {
            running = nil
            lastCode = end.code
        }
        return running == nil
    }
}
