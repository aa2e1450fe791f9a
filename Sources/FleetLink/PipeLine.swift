import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Synchronization
import Wire

/// The thread of a link to a local agent: one `agent attach` after the other, until the link is closed.
final class PipeLine: Sendable {
    private let link: NodeLink
    /// Wakes the thread.
    private let bell: Bell
    private let executable: String
    private let arguments: [String]

    init(link: NodeLink, bell: Bell, executable: String, arguments: [String]) {
        (self.link, self.bell, self.executable, self.arguments) = (link, bell, executable, arguments)
    }

    func run() {
        var backOff = BackOff()
        while !isClosed {
            let (failure, wasConnected) = connectOnce()
            guard !isClosed else { break }
            if wasConnected { backOff.reset() }
            let delay = backOff.delay()
            link.isDown(because: failure, retryIn: delay)
            pause(delay)
        }
    }

    private var isClosed: Bool { link.shared.withLock { $0.isClosed } }

    private func pause(_ seconds: Double) {
        let end = monotonicSeconds() + seconds
        while !isClosed, case let left = end - monotonicSeconds(), left > 0 {
            var wait = pollfd(fd: bell.descriptor, events: Int16(POLLIN), revents: 0)
            _ = poll(&wait, 1, Int32(left * 1_000) + 1)
            bell.silence()
        }
    }

    /// Runs one child from its start to its end.
    private func connectOnce() -> (LinkFailure, wasConnected: Bool) {
        do {
            let child = try AttachChild(executable, arguments)
            defer { child.end() }
            return talk(with: child)
        } catch {
            return (.notInstalled(program: executable, why: error.description), false)
        }
    }

    private func talk(with child: AttachChild) -> (LinkFailure, wasConnected: Bool) {
        var talk = AgentTalk()
        var errors = ""
        while !isClosed {
            let ready = wait(for: child)
            if ready.errors, case .bytes(let bytes) = receive(child.errors) {
                let more = String(decoding: bytes, as: UTF8.self)
                errors = String((errors + more).suffix(Greeting.longestBanner))
            }
            if ready.output {
                switch receive(child.output) {
                case .nothing: break
                case .end:
                    child.readRest(of: &errors)
                    return (talk.failure(errors), talk.isConnected)
                case .bytes(let bytes):
                    do {
                        try link.take(bytes, &talk)
                    } catch {
                        return (error, talk.isConnected)
                    }
                }
            }
            send(to: child)
        }
        return (.lost(why: "closed"), talk.isConnected)
    }

    /// Waits until the child said something, takes something, or the bell rings.
    private func wait(for child: AttachChild) -> (output: Bool, errors: Bool) {
        let hasOrders = link.shared.withLock { !$0.orders.isEmpty }
        let isFull = link.queue.isFull
        var waits = [
            pollfd(fd: bell.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: isFull ? -1 : child.output, events: Int16(POLLIN), revents: 0),
            pollfd(fd: child.errors, events: Int16(POLLIN), revents: 0),
            pollfd(fd: hasOrders ? child.input : -1, events: Int16(POLLOUT), revents: 0),
        ]
        _ = poll(&waits, nfds_t(waits.count), -1)
        if waits[0].revents != 0 { bell.silence() }
        // A closed stderr is ready for ever; the end of stdout is what counts.
        if waits[2].revents & Int16(POLLIN) == 0, waits[2].revents != 0 { child.closeErrors() }
        return (waits[1].revents != 0, waits[2].revents & Int16(POLLIN) != 0)
    }

    private func send(to child: AttachChild) {
        link.shared.withLock { shared in
            guard !shared.orders.isEmpty else { return }
            let count = write(child.input, shared.orders, shared.orders.count)
            // A broken pipe shows as the end of the child's output.
            if count > 0 { shared.orders.removeFirst(count) } else if errno == EPIPE { shared.orders = [] }
        }
    }
}

/// A running `agent attach` and our ends of its pipes.
final class AttachChild {
    private(set) var input: Int32
    let output: Int32
    private(set) var errors: Int32
    private let process: ChildProcess

    init(_ executable: String, _ arguments: [String]) throws(SystemError) {
        let (orders, news, complaints) = (try Pipe(), try Pipe(), try Pipe())
        var program = Program([executable] + arguments)
        (program.input, program.output, program.errors) = (orders.reading, news.writing, complaints.writing)
        (input, output, errors) = (orders.writing, news.reading, complaints.reading)
        // Ctrl-C in our terminal is ours alone; the agent learns of our end by the pipe.
        program.leadsSession = true
        defer { for end in [orders.reading, news.writing, complaints.writing] { close(end) } }
        do {
            process = try program.spawn()
        } catch {
            for end in [orders.writing, news.reading, complaints.reading] { close(end) }
            throw error
        }
        for end in [input, output, errors] { makeNonBlocking(end) }
    }

    func closeInput() {
        if input >= 0 { close(input) }
        input = -1
    }

    func closeErrors() {
        if errors >= 0 { close(errors) }
        errors = -1
    }

    func readRest(of text: inout String) {
        while errors >= 0, case .bytes(let bytes) = receive(errors) {
            text += String(decoding: bytes, as: UTF8.self)
        }
    }

    /// Ends the child, which is only the way to the daemon.
    func end() {
        closeInput()
        close(output)
        closeErrors()
        kill(process.pid, SIGKILL)
        process.wait()
    }
}
