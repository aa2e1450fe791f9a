/// Where a program saves its checkpoints and how a complete one is told from a growing one. The kit moves
/// each complete folder into the trial folder's `checkpoints/` by a rename, so the program must not write to
/// it any more. A file is moved into a folder of its own there, and keeps its name.
public struct CheckpointWatch: Hashable, Sendable {
    /// Absolute, below the trial folder.
    public let folder: String
    /// Around the step in a checkpoint's name: `step_` and nothing for `step_200`, `ckpt_` and `.pt` for a file.
    public let prefix: String
    public let suffix: String
    /// A file that stands in a checkpoint folder once it is complete, or beside a checkpoint's file, with
    /// `{step}` for the step as it is written there; nil: the checkpoint appears by a rename and is complete at
    /// once, or `isCompleteWhenPassed`.
    public let marker: String?
    /// Whether a checkpoint is complete only when the program has reported a later step, or has ended well: for
    /// loops that save where they stand, and under the last name at once.
    public var isCompleteWhenPassed = false
    /// A file in `folder` that holds the number of the last complete checkpoint: a greater one is not
    /// complete yet.
    public var tracker: String?
    /// What the number in a name is greater by than the trial's step: programs that count steps since the
    /// model was born.
    public var offset = 0
    /// The least number of digits in a name; shorter numbers are written with leading zeros.
    public var digits = 1
    /// nil: the found folder itself becomes the checkpoint. Otherwise it keeps its name in a folder that
    /// becomes it, beside these files: names and texts, in which `{number}` is the number in its name.
    public var beside: [String: String]?

    public init(folder: String, prefix: String, suffix: String = "", marker: String? = nil) {
        self.folder = folder
        self.prefix = prefix
        self.suffix = suffix
        self.marker = marker
    }

    /// The trial's step in a folder's name; nil for a name of another form.
    public func step(in name: String) -> Int? { number(in: name).map { $0 - offset } }

    /// The name of the folder with the state after a step of the trial.
    func name(ofStep step: Int) -> String {
        let number = "\(step + offset)"
        return prefix + String(repeating: "0", count: max(0, digits - number.count)) + number + suffix
    }

    /// The path of the marker of the checkpoint `name`; nil where none is waited for.
    func marker(of name: String, isFile: Bool) -> String? {
        guard let marker else { return nil }
        if !isFile { return "\(folder)/\(name)/\(marker)" }
        let digits = name.dropFirst(prefix.count).dropLast(suffix.count)
        return "\(folder)/" + marker.replacing("{step}", with: digits)
    }

    /// The number in a checkpoint's name; nil for a name of another form.
    func number(in name: String) -> Int? {
        guard name.hasPrefix(prefix), name.hasSuffix(suffix),
            name.utf8.count > prefix.utf8.count + suffix.utf8.count
        else { return nil }
        return Int(name.dropFirst(prefix.count).dropLast(suffix.count))
    }
}
