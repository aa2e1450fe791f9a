/// What a plugin would start for a `RunSpec`, told without starting it: `NAME explain` reads the spec on its
/// stdin and prints one of these after its hello.
public struct Explanation: Hashable, Codable, Sendable {
    /// The program and its arguments; there is no shell.
    public let argv: [String]
    /// What is added to the plugin's own environment.
    public let environment: [String: String]
    /// Absolute.
    public let workingFolder: String
    /// Programs that must have ended with 0 before, one after the other.
    public let before: [[String]]
    /// Files that the plugin writes before, with their texts (nil: no text), by absolute path.
    public let files: [String: String?]
    /// Where complete checkpoints are found, and which one is expected at the end; nil where the trainer
    /// tells them itself, or saves none.
    public let checkpoint: CheckpointPlace?
    public let notes: [String]

    /// Where a program saves.
    public struct CheckpointPlace: Hashable, Codable, Sendable {
        public let folder: String
        /// Name of the folder that holds the state after the last step.
        public let last: String
        /// As what the kit publishes it below the trial folder.
        public let published: String

        public init(folder: String, last: String, published: String) {
            self.folder = folder
            self.last = last
            self.published = published
        }
    }

    public init(
        argv: [String], environment: [String: String], workingFolder: String, before: [[String]],
        files: [String: String?], checkpoint: CheckpointPlace?, notes: [String]
    ) {
        self.argv = argv
        self.environment = environment
        self.workingFolder = workingFolder
        self.before = before
        self.files = files
        self.checkpoint = checkpoint
        self.notes = notes
    }

    private enum CodingKeys: String, CodingKey {
        case argv, environment, before, files, checkpoint, notes
        case workingFolder = "working_folder"
    }
}
