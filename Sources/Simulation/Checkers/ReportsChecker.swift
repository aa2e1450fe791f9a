import FleetModel
public import StudyCore

/// No report is lost and none counts twice: what the engine applied of a run is, line by line, the beginning
/// of the run's file.
public struct ReportsChecker: Checker {
    private struct File {
        var lines: [PlacedEvent] = []
        /// As it was before the disk lost lines: what was told by then may still arrive.
        var earlier: [PlacedEvent] = []
        var applied = 0
        /// Offset after the last line applied.
        var end = 0
    }

    private static let promise = "no report is lost or doubled"
    private var files: [RunID: File] = [:]

    public init() {}

    public mutating func saw(_ sight: FleetSight, _ engine: Engine) throws(Violation) {
        switch sight.what {
        case .logged(let run, let placed): files[run, default: File()].lines.append(placed)
        case .lostLines(let run, let end):
            guard var file = files[run] else { return }
            if file.earlier.isEmpty { file.earlier = file.lines }
            file.lines.removeAll { $0.end > end }
            files[run] = file
        case .began, .gone, .saved, .removed, .kept: break
        }
    }

    public mutating func wrote(_ entries: [Entry], _ engine: Engine) throws(Violation) {
        for entry in entries {
            guard let (run, end) = entry.event.what.line else { continue }
            try take(entry.event.what, run, end)
        }
        for case let (run, _)? in entries.map(\.event.what.line) {
            try compare(run, with: engine)
        }
    }

    private mutating func take(_ what: Happening, _ run: RunID, _ end: Int) throws(Violation) {
        guard let file = files[run] else { throw Violation(Self.promise, "\(run) spoke and has no file") }
        guard end > file.end else {
            throw Violation(Self.promise, "the line of \(run) up to \(end) was applied before")
        }
        let candidates = [file.lines, file.earlier].compactMap { lines in
            file.applied < lines.count ? lines[file.applied] : nil
        }
        guard candidates.contains(where: { Happening($0, of: run) == what }) else {
            let expected = candidates.map { "\($0.event.short) [\($0.end)]" }
            throw Violation(
                Self.promise, "\(run): \(what.short) was applied where its file has \(expected)")
        }
        files[run]?.applied += 1
        files[run]?.end = end
    }

    /// The engine remembers how far it came.
    private func compare(_ run: RunID, with engine: Engine) throws(Violation) {
        guard let end = files[run]?.end, let known = engine.trial(run.trial)?.runs[run.attempt].offset,
            known != end
        else { return }
        throw Violation(Self.promise, "the engine holds \(run) applied up to \(known), which is \(end)")
    }
}
