/// A file that the program writes while it runs, read as it grows. What it holds arrives line by line at
/// `Trainer.signals(in:from:)`, from `OutputStream.file` of this path.
public struct MetricsFile: Hashable, Sendable {
    public enum Form: String, Hashable, Sendable, CaseIterable {
        /// Lines as they stand.
        case lines
        /// A line of column names, then rows (RFC 4180). A row arrives as a JSON object of its numbers:
        /// `{"step":10,"loss":2.1}`; empty cells and words are left out, `nan` and `inf` are texts.
        case csv
        /// The path is a folder; scalars of every TensorBoard event file below it. One arrives as
        /// `{"step":10,"train/loss":2.1}`.
        case tensorBoard
    }

    /// Absolute; need not exist yet.
    public let path: String
    public let form: Form

    public init(_ path: String, _ form: Form = .lines) {
        self.path = path
        self.form = form
    }
}

/// Reads a `MetricsFile` from where it stopped.
struct MetricsFileReader {
    let file: MetricsFile
    private var tail: FileTail
    private var cutter = LineCutter()
    private var table = CSVTable()
    private var events: EventFiles

    init(_ file: MetricsFile) {
        self.file = file
        tail = FileTail(file.path)
        events = EventFiles(below: file.path)
    }

    /// The files that are read, there or not.
    var places: [String] { file.form == .tensorBoard ? events.places : [file.path] }

    /// Whether the last reading left something.
    var hasMore: Bool { file.form == .tensorBoard ? events.hasMore : tail.hasMore }

    /// The lines that were completed since.
    mutating func read() -> [String] {
        if file.form == .tensorBoard { return events.read() }
        let (bytes, isNew) = tail.read()
        if isNew { (cutter, table) = (LineCutter(), CSVTable()) }
        return cutter.take(bytes[...]).compactMap { meaning(of: $0) }
    }

    /// All that is left, also a last line that has no end.
    mutating func finish() -> [String] {
        if file.form == .tensorBoard { return events.read(isLast: true) }
        var lines = read()
        while tail.hasMore { lines += read() }
        return lines + (cutter.finish().flatMap { meaning(of: $0) }.map { [$0] } ?? [])
    }

    private mutating func meaning(of line: String) -> String? {
        file.form == .lines ? line : table.object(of: line)
    }
}
