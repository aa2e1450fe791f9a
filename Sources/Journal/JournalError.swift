import GRDB

/// Why a journal cannot be used. Each case says what to do next.
public enum JournalError: Error, Hashable, Sendable, CustomStringConvertible {
    /// There is no file. Begin the study, or point at another path.
    case missing(path: String)
    /// There is a file where a new journal was to be. It was not touched.
    case exists(path: String)
    /// The file is no journal of ours. Point at another file.
    case notAJournal(path: String)
    /// A newer iterhpo wrote it. Install that version.
    case newerFormat(path: String, found: Int, known: Int)
    /// Nothing could be written, and nothing half-written is there. Free space, start again.
    case diskFull(path: String)
    /// Applying the recorded events gives other effects than those recorded. Use the version of iterhpo
    /// and the machine type that wrote it.
    case diverged(path: String, sequence: Int)
    /// Another process has the study. End it, or take another name.
    case inUse(path: String, study: String)
    /// Another process writes for so long that this one gave up. Try again.
    case locked(path: String)
    /// SQLite or the file system refused.
    case database(path: String, message: String)

    public var description: String {
        switch self {
        case .missing(let path):
            "there is no \(path): start the study first, or give another path"
        case .exists(let path):
            "\(path) is already there and was not touched: go on with that study, or give another path"
        case .notAJournal(let path):
            "\(path) is not a study of iterhpo: give another path, or move that file away"
        case .newerFormat(let path, let found, let known):
            "\(path) has format \(found), this coordinator reads up to format \(known): install a newer iterhpo"
        case .diskFull(let path):
            "the disk is full: \(path) could not be written. What was written before is whole; "
                + "free some space and start again"
        case .diverged(let path, let sequence):
            "\(path): replaying step \(sequence) gives other decisions than those recorded; "
                + "use the iterhpo that wrote it"
        case .inUse(let path, let study):
            "study \(study) in \(path) is open in another process: end that one, or give another name"
        case .locked(let path):
            "\(path) is locked by another process: try again when it is done"
        case .database(let path, let message): "\(path): \(message)"
        }
    }

    /// What SQLite says of a quota that is spent, and of a disk too full for its shared memory.
    private static let fullDiskErrors: [ResultCode] = [.SQLITE_IOERR_WRITE, .SQLITE_IOERR_SHMSIZE]

    /// What SQLite's error means for the journal at `path`.
    static func from(_ error: any Error, path: String) -> JournalError {
        switch error {
        case let known as JournalError: return known
        case let error as DatabaseError:
            switch error.resultCode {
            case .SQLITE_FULL: return .diskFull(path: path)
            case .SQLITE_IOERR where fullDiskErrors.contains(error.extendedResultCode):
                return .diskFull(path: path)
            case .SQLITE_BUSY: return .locked(path: path)
            case .SQLITE_NOTADB: return .notAJournal(path: path)
            default: return .database(path: path, message: error.message ?? "\(error)")
            }
        default: return .database(path: path, message: "\(error)")
        }
    }
}
