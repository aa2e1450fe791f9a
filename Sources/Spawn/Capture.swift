import Glibc

/// What a program said that was run to its end.
package struct Capture: Sendable {
    package let end: ProcessEnd
    package let output: [UInt8]

    package var text: String { String(decoding: output, as: UTF8.self) }
}

extension Program {
    /// Runs it to its end, and keeps what it writes to stdout, and to stderr where `withErrors` is said.
    ///
    /// - Parameters:
    ///   - question: what it finds on its stdin; nil: what `input` says. A program that does not read it all is
    ///     not waited for.
    ///   - seconds: after so many it is killed, with its group; nil: never.
    /// - Throws: `SystemError` where it cannot be started.
    package func capture(
        _ question: [UInt8]? = nil, withErrors: Bool = false, within seconds: Double? = nil
    ) throws(SystemError) -> Capture {
        let answer = try Pipe()
        defer { close(answer.reading) }
        var program = self
        program.output = answer.writing
        if withErrors { program.errors = answer.writing }
        let child: ChildProcess
        do throws(SystemError) {
            child = if let question { try program.spawn(asking: question) } else { try program.spawn() }
        } catch {
            close(answer.writing)
            throw error
        }
        close(answer.writing)
        let output = readAll(answer.reading, within: seconds)
        if output == nil { child.signalGroup(SIGKILL) }
        return Capture(end: child.wait(), output: output ?? [])
    }

    private func spawn(asking question: [UInt8]) throws(SystemError) -> ChildProcess {
        let pipe = try Pipe()
        var program = self
        program.input = pipe.reading
        defer { close(pipe.reading) }
        let child: ChildProcess
        do throws(SystemError) {
            child = try program.spawn()
        } catch {
            close(pipe.writing)
            throw error
        }
        // Beside what it says already: neither waits for the other.
        onOwnThread {
            signal(SIGPIPE, SIG_IGN)
            try? writeAll(question, to: pipe.writing)
            close(pipe.writing)
        }
        return child
    }
}

/// What comes until the other side is gone; nil where that takes longer than so many seconds.
private func readAll(_ descriptor: Int32, within seconds: Double?) -> [UInt8]? {
    let deadline = seconds.map { monotonicSeconds() + $0 }
    var bytes: [UInt8] = []
    while true {
        if let deadline {
            var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let count = poll(&wait, 1, Int32(max(0, deadline - monotonicSeconds()) * 1_000))
            if count < 0, errno == EINTR { continue }
            if count == 0 { return nil }
        }
        guard case .bytes(let more) = receive(descriptor) else { return bytes }
        bytes += more
    }
}
