import FleetModel
import StudyCore

/// A trial folder and the process that trains in it.
struct SimulatedRun {
    /// Where the process is.
    enum Phase {
        /// Loads the model and the data; a gang waits here for all its members.
        case starting
        case training
        /// Does nothing any more, and does not end by itself either.
        case hanging
        /// Its last words are written.
        case leaving
        case gone
    }

    let order: RunOrder
    let slots: [Slot]
    /// The gang's first node writes the reports; the others only hold their slots.
    let isLead: Bool
    var phase = Phase.starting
    /// Its `events.jsonl`.
    private(set) var lines: [PlacedEvent] = []
    private(set) var hasEnded = false
    /// The order to stop in its folder.
    var stop: (saves: Bool, at: Double)?
    /// Steps of the trial that are done.
    var step: Int
    var course: TrainerCourse
    /// Counts plans of the process: what was planned for an earlier one does not happen.
    var generation = 0
    /// The disk lost its folder.
    var isForgotten = false
    let launchedAt: Double

    var id: RunID { order.run }

    init(_ order: RunOrder, slots: [Slot], isLead: Bool, course: TrainerCourse, at now: Double) {
        self.order = order
        self.slots = slots
        self.isLead = isLead
        self.course = course
        launchedAt = now
        if case .resume(let checkpoint) = order.start { step = checkpoint.step } else { step = 0 }
    }

    /// Offset after the last line.
    var end: Int { lines.last?.end ?? 0 }

    var processIsThere: Bool {
        switch phase {
        case .starting, .training, .hanging, .leaving: true
        case .gone: false
        }
    }

    mutating func write(_ event: RunEvent) -> PlacedEvent {
        let placed = PlacedEvent(start: end, event: event)
        lines.append(placed)
        hasEnded = event.isEnding
        return placed
    }

    /// What the disk has after a power failure: the last lines may be lost.
    mutating func loseLines(_ count: Int) {
        lines.removeLast(min(count, lines.count))
        hasEnded = lines.last?.event.isEnding ?? false
    }

    /// What the agent says of its size to somebody who has read up to `offset`: 0 where no line ends there,
    /// which is so after a power failure only.
    func shownEnd(to offset: Int) -> Int {
        let next = line(from: offset)
        return offset == (next > 0 ? lines[next - 1].end : 0) ? end : 0
    }

    /// The first line that begins at or after `offset`.
    func line(from offset: Int) -> Int {
        var (low, high) = (0, lines.count)
        while low < high {
            let middle = (low + high) / 2
            if lines[middle].start < offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
