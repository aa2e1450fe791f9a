public import FleetModel
import FoundationEssentials
import Glibc
import Spawn
public import Wire

/// The run is decided (its metric is no number); the trainer has nothing more to do.
public struct RunIsOver: Error {}

/// What an in-process trainer talks to. Used from one thread at a time.
public final class TrainingSession {
    public let spec: RunSpec
    public let folder: TrialFolder
    /// Carries `RunEvent`s, one a line, to the supervising plugin process.
    private let channel: Int32

    package init(spec: RunSpec, folder: TrialFolder, channel: Int32) {
        self.spec = spec
        self.folder = folder
        self.channel = channel
    }

    /// The order to end, where there is one. Cheap enough to ask each step (one system call). The trainer
    /// then saves a checkpoint if `save` is set, and returns.
    public var stopOrder: StopOrder? {
        guard access(folder.stop, F_OK) == 0 else { return nil }
        return StopOrder.read(from: folder)
    }

    /// Whether the trainer should do another step.
    public var shouldContinue: Bool { access(folder.stop, F_OK) != 0 }

    /// Waits so long, or until `shouldContinue` turns false, whichever comes first.
    public func wait(seconds: Double) {
        let end = monotonicSeconds() + seconds
        // Nothing is ever received: the supervisor ends its side when a stop is ordered.
        var side = [pollfd(fd: channel, events: Int16(POLLIN), revents: 0)]
        while case let left = end - monotonicSeconds(), left > 0, shouldContinue {
            // Where the supervisor itself is gone, there is no more to notice.
            if side[0].revents != 0 { side[0].fd = -1 }
            poll(&side, seconds: left)
        }
    }

    /// Reports metrics at a trial step (from 1, growing). Not-a-number is a legal metric; in `spec.metric`
    /// it ends the run: `RunIsOver`, which the trainer lets through.
    public func report(
        step: Int, metrics: [String: Double], attesting attestation: Attestation = Attestation([:])
    ) throws {
        let measured = metrics.mapValues { Reading($0) }
        let report = Report(step: step, metrics: measured.merging(attestation.metrics) { $1 })
        try send(.report(report: report))
        if case .notFinite = report.metrics[spec.metric] { throw RunIsOver() }
    }

    /// Saves a checkpoint of the state after `step`: `write` fills the folder whose path it is given, which
    /// then appears in the trial folder by one rename. A checkpoint of that step that is there is replaced.
    public func checkpoint(step: Int, write: (_ path: String) throws -> Void) throws {
        let name = CheckpointFolder.name(ofStep: step)
        let place = try CheckpointFolder.temporary(name, in: folder)
        try write(place)
        try CheckpointFolder.publish(place, as: name, in: folder)
        try send(.checkpoint(name: name, step: step))
    }

    /// Says something that a person should know; one line of at most 500 letters.
    public func note(_ text: String) throws {
        try send(.note(text: String(text.prefix(500))))
    }

    func refuse(_ refusal: Refusal) throws {
        try send(.ended(ending: .failed(RunFailure(.refused(reason: refusal.reason)))))
    }

    private func send(_ event: RunEvent) throws {
        try writeAll(Lines.encode(event), to: channel)
    }
}
