import GRDB

/// Why a journal cannot be used. Each case says what to do next.
public enum JournalError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file is no journal of ours. Point at another file.
    case notAJournal(path: String)
    /// There is no such file. Start the study first, or point at another file.
    case missing(path: String)
    /// A newer iterhpo wrote it. Install that version.
    case newerFormat(path: String, found: Int, known: Int)
    /// The disk is full, or its file may not grow. Nothing half-written is there. Free space, start again.
    case diskFull(path: String)
    /// Applying the recorded events gives other effects than those recorded. Use the version of iterhpo
    /// and the machine type that wrote it.
    case diverged(path: String, sequence: Int)
    /// SQLite or the file system refused.
    case database(path: String, message: String)

    public var description: String {
        switch self {
        case .notAJournal(let path):
            "\(path) is not a study of iterhpo: give another path, or move that file away"
        case .missing(let path): "there is no study at \(path): start it first, or give another path"
        case .newerFormat(let path, let found, let known):
            "\(path) has format \(found), this coordinator reads up to format \(known): install a newer iterhpo"
        case .diskFull(let path):
            "the disk is full: \(path) could not be written. What was written before is whole; "
                + "free some space and start again"
        case .diverged(let path, let sequence):
            "\(path): replaying step \(sequence) gives other decisions than those recorded; "
                + "use the iterhpo that wrote it"
        case .database(let path, let message): "\(path): \(message)"
        }
    }

    /// What SQLite's error means for the journal at `path`.
    static func from(_ error: any Error, path: String) -> JournalError {
        switch error {
        case let known as JournalError: return known
        case let error as DatabaseError:
            switch error.resultCode {
            case .SQLITE_FULL: return .diskFull(path: path)
            case .SQLITE_IOERR where error.extendedResultCode == .SQLITE_IOERR_WRITE:
                return .diskFull(path: path)
            case .SQLITE_NOTADB: return .notAJournal(path: path)
            default: return .database(path: path, message: error.message ?? "\(error)")
            }
        default: return .database(path: path, message: "\(error)")
        }
    }
}
