import FleetLink
import FleetModel
import Foundation
import StudyCore
import Synchronization
import Wire

/// What a running study shows: a view that is redrawn on a terminal, plain lines in a pipe.
final class Printer: Sendable {
    private let isLive: Bool
    private let isSilent: Bool
    private let screen = Mutex(Screen())

    /// How many lines of the last frame stand on the terminal.
    private struct Screen {
        var lines = 0
        var complaints: [String] = []
    }

    /// `isSilent`: nothing on stdout; complaints still go to stderr.
    init(isLive: Bool, isSilent: Bool) {
        self.isLive = isLive
        self.isSilent = isSilent
    }

    /// A decision was taken.
    func tell(_ decision: Decision, of engine: Engine) {
        guard !isLive else { return }
        let since = engine.startedAt.map { engine.now.since($0) } ?? 0
        say("\(Text.duration(since))  \(Sentences(objective: engine.plan.objective).line(decision))")
    }

    /// Redraws the live view.
    func refresh(_ engine: Engine) {
        guard isLive else { return }
        let size = Terminal.size
        let status = StudyStatus(of: engine, at: .wallClock)
        screen.withLock { screen in
            let frame =
                LiveView.render(status, width: size.width - 1, height: size.height - 2)
                + screen.complaints.suffix(1).map { Text.cut("! " + $0, to: size.width - 1) }
            write(Terminal.redraw(frame, over: screen.lines))
            screen.lines = frame.count
        }
    }

    /// Something that a person should see and that changes nothing.
    func complain(_ text: String) {
        if isLive {
            screen.withLock { $0.complaints.append(text) }
        } else {
            Terminal.write("coordinator: \(text)\n".utf8, to: STDERR_FILENO)
        }
    }

    func refused(_ event: Event, because error: RefusedEvent) {
        switch error {
        case .alreadyApplied, .noChange, .notCurrent, .studyEnded: break
        case .unknown(let what): complain("news of something unknown was dropped: \(what)")
        }
    }

    func connected(_ node: NodeID, _ hello: Hello) {
        say("node \(node): connected to \(hello.name) \(hello.version)")
    }

    func disconnected(_ node: NodeID, _ failure: LinkFailure, retryIn seconds: Double) {
        let next =
            failure.isFinal ? "it is set aside" : "trying again in \(Text.number(seconds, digits: 2)) s"
        complain("node \(node): \(failure.description(of: node)); \(next)")
    }

    func inventory(_ inventory: Inventory, of node: NodeID) {
        if let why = Text.blindness(of: inventory) { complain("node \(node): \(why)") }
    }

    /// A line for a pipe; nothing on a terminal, where the view says it.
    private func say(_ line: String) {
        guard !isLive, !isSilent else { return }
        write(line + "\n")
    }

    private func write(_ text: String) {
        Terminal.write(text.utf8)
    }
}
