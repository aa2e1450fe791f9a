/// A saved training state: a folder that a run published under `checkpoints/` of its trial folder.
public struct Checkpoint: Hashable, Codable, Sendable, CustomStringConvertible {
    /// The run that wrote it, on whose node it lies.
    public let run: RunID
    /// Folder name below the run's `checkpoints/`; safe as one path component.
    public let name: String
    /// Trial step at which it was saved, from 0.
    public let step: Int

    public init(run: RunID, name: String, step: Int) {
        self.run = run
        self.name = name
        self.step = step
    }

    public var description: String { "\(run)/\(name)" }
}
