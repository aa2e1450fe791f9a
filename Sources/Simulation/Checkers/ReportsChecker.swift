import FleetModel
public import StudyCore

/// No report is lost and none counts twice: what the engine applied of a run is, line by line, the beginning
/// of the run's file.
public struct ReportsChecker: Checker {
    private struct File {
        var lines: [PlacedEvent] = []
        var applied = 0
        /// The disk lost lines that were applied: nothing more can be.
        var isCut = false
    }

    private static let promise = "no report is lost or doubled"
    private var files: [RunID: File] = [:]

    public init() {}

    public mutating func saw(_ sight: FleetSight, _ engine: Engine) throws(Violation) {
        switch sight.what {
        case .logged(let run, let placed): files[run, default: File()].lines.append(placed)
        case .lostLines(let run, let end):
            guard var file = files[run] else { return }
            file.lines.removeAll { $0.end > end }
            file.isCut = file.isCut || file.applied > file.lines.count
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
        if file.isCut { throw Violation(Self.promise, "\(run) at \(end): its disk lost what came before") }
        if file.lines.prefix(file.applied).contains(where: { $0.end == end }) {
            throw Violation(Self.promise, "the line of \(run) up to \(end) was applied before")
        }
        guard file.applied < file.lines.count else {
            throw Violation(Self.promise, "the file of \(run) has no line up to \(end)")
        }
        let next = file.lines[file.applied]
        guard Happening(next, of: run) == what else {
            throw Violation(
                Self.promise,
                "\(run): \(what.short) was applied where its file has \(next.event.short) [\(next.end)]")
        }
        files[run]?.applied += 1
    }

    /// The engine remembers how far it came.
    private func compare(_ run: RunID, with engine: Engine) throws(Violation) {
        guard let file = files[run], file.applied > 0,
            let known = engine.trial(run.trial)?.runs[run.attempt].offset
        else { return }
        let end = file.isCut ? known : file.lines[file.applied - 1].end
        guard known == end else {
            throw Violation(Self.promise, "the engine holds \(run) applied up to \(known), which is \(end)")
        }
    }
}
