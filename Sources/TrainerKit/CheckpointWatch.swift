/// Where a program saves its checkpoints and how a complete one is told from a growing one. The kit moves
/// each complete folder into the trial folder's `checkpoints/` by a rename, so the program must not write to
/// it any more.
public struct CheckpointWatch: Hashable, Sendable {
    /// Absolute, below the trial folder.
    public let folder: String
    /// Around the step in a checkpoint folder's name: `step_` and nothing for `step_200`.
    public let prefix: String
    public let suffix: String
    /// A file that stands in a checkpoint folder once it is complete; nil: the folder appears by a rename
    /// and is complete at once.
    public let marker: String?

    public init(folder: String, prefix: String, suffix: String = "", marker: String? = nil) {
        self.folder = folder
        self.prefix = prefix
        self.suffix = suffix
        self.marker = marker
    }

    /// The step in a folder's name; nil for a name of another form.
    public func step(in name: String) -> Int? {
        guard name.hasPrefix(prefix), name.hasSuffix(suffix),
            name.utf8.count > prefix.utf8.count + suffix.utf8.count
        else { return nil }
        return Int(name.dropFirst(prefix.count).dropLast(suffix.count))
    }
}
