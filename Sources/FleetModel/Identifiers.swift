/// One study's name on the fleet: the study's `name` and a random suffix, so that two studies of the same
/// name on one node never share a folder. Letters, digits, `-`, `_` and `.` only.
public struct StudyID: Hashable, Codable, Sendable, RawRepresentable, CustomStringConvertible {
    public let rawValue: String

    public init?(rawValue: String) {
        guard FolderName.isSafe(rawValue) else { return nil }
        self.rawValue = rawValue
    }

    public var description: String { rawValue }
}

/// One assignment of hyper-parameters: its stage and its number within the stage, both from 0.
public struct TrialID: Hashable, Codable, Sendable, Comparable, CustomStringConvertible {
    public let stage: Int
    public let number: Int

    public init(stage: Int, number: Int) {
        self.stage = stage
        self.number = number
    }

    /// `1.4`: trial 4 of stage 1, as people type it.
    public var description: String { "\(stage).\(number)" }

    /// Reads `1.4`.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 2, let stage = parts[0], let number = parts[1], stage >= 0, number >= 0
        else { return nil }
        self.init(stage: stage, number: number)
    }

    public static func < (a: TrialID, b: TrialID) -> Bool {
        (a.stage, a.number) < (b.stage, b.number)
    }
}

/// One attempt to execute a trial on a lease; `attempt` counts from 0.
public struct RunID: Hashable, Codable, Sendable, Comparable, CustomStringConvertible {
    public let trial: TrialID
    public let attempt: Int

    public init(trial: TrialID, attempt: Int) {
        self.trial = trial
        self.attempt = attempt
    }

    /// `1.4#0`: the first attempt of trial 1.4.
    public var description: String { "\(trial)#\(attempt)" }

    public static func < (a: RunID, b: RunID) -> Bool {
        (a.trial, a.attempt) < (b.trial, b.attempt)
    }
}

/// A run as an agent knows it, where runs of several studies live side by side.
public struct RunKey: Hashable, Codable, Sendable, CustomStringConvertible {
    public let study: StudyID
    public let run: RunID

    public init(study: StudyID, run: RunID) {
        self.study = study
        self.run = run
    }

    public var description: String { "\(study)/\(run)" }

    /// The trial folder below an agent's `runs/`: `STUDY/stage_1/trial_4/run_0`.
    public var folder: String {
        "\(study)/stage_\(run.trial.stage)/trial_\(run.trial.number)/run_\(run.attempt)"
    }
}

/// An enrolled machine; `local` is the machine that the coordinator is on.
public struct NodeID: Hashable, Codable, Sendable, Comparable, RawRepresentable, CustomStringConvertible {
    public let rawValue: String

    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    public static let local = NodeID(rawValue: "local")

    public var description: String { rawValue }

    public static func < (a: NodeID, b: NodeID) -> Bool { a.rawValue < b.rawValue }
}

/// Names that may become one path component, wherever a name comes from outside.
public enum FolderName {
    /// What is expected, for people.
    public static let rule = "1 to 128 letters, digits, -, _ and ., not beginning with a dot"

    /// True for 1 to 128 letters, digits, `-`, `_` and `.`, not starting with a dot: such a name can
    /// neither leave its folder nor hide in it.
    public static func isSafe(_ name: String) -> Bool {
        guard let first = name.utf8.first, first != UInt8(ascii: "."), name.utf8.count <= 128 else {
            return false
        }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "."):
                true
            default: false
            }
        }
    }
}
