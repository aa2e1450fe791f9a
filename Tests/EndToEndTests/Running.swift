import FleetLink
import Foundation
import Spawn
import Wire

/// A program on its way, its output line by line. A test whose time is over ends those that it waits for, and
/// is told what they said until then.
final class Running: Sendable {
    /// What a finished program left.
    struct Result {
        /// Below zero where a signal ended it.
        let exit: Int32
        let output: String
        let errors: String
    }

    let pid: Int32
    private let lines: AsyncStream<String>
    private let ends: AsyncStream<Void>
    private let end = Monitor<ProcessEnd?>(nil)
    private let errors: String

    /// - Parameter folder: its coordinators' home is there, and what it writes to stderr.
    init(_ path: String, _ arguments: [String], in folder: String) throws {
        errors = folder + "/stderr-" + String(UInt32.random(in: 0...UInt32.max), radix: 36)
        let stderr = open(errors, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        let pipe = try Spawn.Pipe()
        defer { for descriptor in [stderr, pipe.writing] { close(descriptor) } }
        var program = Program([path] + arguments)
        program.environment = [CoordinatorHome.variable: folder + "/head"]
        (program.output, program.errors, program.staysInGroup) = (pipe.writing, stderr, true)
        let child = try program.spawn()
        pid = child.pid
        let (lines, line) = AsyncStream<String>.makeStream()
        let (ends, over) = AsyncStream<Void>.makeStream()
        (self.lines, self.ends) = (lines, ends)
        onOwnThread {
            var splitter = LineSplitter()
            while case .bytes(let bytes) = receive(pipe.reading) {
                for text in (try? splitter.take(Data(bytes))) ?? [] {
                    line.yield(String(decoding: text, as: UTF8.self))
                }
            }
            close(pipe.reading)
            line.finish()
        }
        onOwnThread { [end] in
            let status = child.wait()
            end.use { $0 = status }
            over.finish()
        }
    }

    var isRunning: Bool { end.use { $0 == nil } }

    func signal(_ number: Int32) { if isRunning { kill(pid, number) } }

    /// Kills it; it is gone then.
    func endNow() {
        signal(SIGKILL)
        _ = end.wait { $0 }
    }

    /// Reads so many lines.
    func lines(_ count: Int) async {
        var seen = 0
        _ = await line { _ in
            seen += 1
            return seen == count
        }
    }

    /// Reads until a line satisfies `isIt`; nil at the end of the output.
    func line(where isIt: (String) -> Bool) async -> String? {
        for await line in lines where isIt(line) { return line }
        return nil
    }

    func end() async -> Result {
        await withTaskCancellationHandler {
            var output: [String] = []
            for await line in lines { output.append(line) }
            for await _ in ends {}
            endNow()
            return Result(
                exit: end.use { $0!.code }, output: output.joined(separator: "\n"),
                errors: (try? String(contentsOfFile: errors, encoding: .utf8)) ?? "")
        } onCancel: {
            signal(SIGKILL)
        }
    }
}

/// Looks again and again, and holds its thread meanwhile: what passes quickly would be over before a task that
/// sleeps has its turn.
@discardableResult
func watch<Answer>(
    _ program: Running, until what: String, _ look: () throws -> Answer?
) throws -> Answer {
    while program.isRunning {
        if let answer = try look() { return answer }
        try Task.checkCancellation()
        usleep(1_000)
    }
    throw Unseen(description: "the program ended before \(what)")
}

struct Unseen: Error, CustomStringConvertible {
    let description: String
}
