import FleetModel
import StudyCore

/// Coordinator to agent, as in `Wire.Order`: each is safe to repeat.
enum FleetOrder {
    case survey
    /// Tell everything about the study's runs, each from the offset given (absent: 0).
    case follow([RunID: Int])
    case launch(RunOrder)
    case stop(RunID, saves: Bool)
    case remove([Checkpoint])
}

/// Agent to coordinator, as in `Wire.News`.
enum FleetNews {
    case inventory([ShownSlot])
    case runs([ObservedRun])
    case checkpoints([Checkpoint])
    /// In order, without gaps from the offset that was asked for.
    case events(RunID, [PlacedEvent])
    case refused(RunID, reason: String)
}

/// One line of a run's `events.jsonl`, as in `Wire.RunEvent`.
enum RunEvent: Hashable {
    case started
    case report(Report)
    case checkpoint(name: String, step: Int)
    case note(String)
    case ended(RunEnding)

    var isEnding: Bool {
        if case .ended = self { true } else { false }
    }

    /// About as many bytes as the line has.
    fileprivate var length: Int {
        switch self {
        case .started: 40
        case .report: 90
        case .checkpoint: 50
        case .note: 60
        case .ended: 70
        }
    }
}

/// A line with its place in the file.
struct PlacedEvent: Hashable {
    let start: Int
    let event: RunEvent
    /// The offset just after the line.
    var end: Int { start + event.length }
}

extension Happening {
    /// The event that a run's line stands for.
    init(_ placed: PlacedEvent, of run: RunID) {
        switch placed.event {
        case .started: self = .runStarted(run: run, end: placed.end)
        case .report(let report): self = .reported(run: run, end: placed.end, report: report)
        case .checkpoint(let name, let step):
            self = .checkpointSaved(run: run, end: placed.end, name: name, step: step)
        case .note(let text): self = .noted(run: run, end: placed.end, text: text)
        case .ended(let ending): self = .runEnded(run: run, end: placed.end, ending: ending)
        }
    }

    /// The run whose line it is, and the offset after that.
    var line: (run: RunID, end: Int)? {
        switch self {
        case .runStarted(let run, let end), .reported(let run, let end, _),
            .checkpointSaved(let run, let end, _, _), .noted(let run, let end, _),
            .runEnded(let run, let end, _):
            (run, end)
        case .started, .nodeSurveyed, .nodeLost, .launchRefused, .runMissing, .checkpointKept, .clockReached,
            .stopRequested, .retryRequested, .checkpointArrived, .checkpointUnreachable, .replanned,
            .inherited:
            nil
        }
    }
}

/// A queue without gaps at its front.
struct Queue<Element> {
    private var elements: [Element] = []
    private var head = 0

    var isEmpty: Bool { head == elements.count }
    var last: Element? {
        get { isEmpty ? nil : elements.last }
        set { if let newValue { elements[elements.count - 1] = newValue } }
    }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func takeFirst() -> Element? {
        guard !isEmpty else { return nil }
        head += 1
        let first = elements[head - 1]
        if head * 2 > elements.count, head > 16 {
            elements.removeFirst(head)
            head = 0
        } else if isEmpty {
            removeAll()
        }
        return first
    }

    mutating func removeAll() {
        elements.removeAll(keepingCapacity: true)
        head = 0
    }
}
