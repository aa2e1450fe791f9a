import Glibc

/// Keeps a second process from a study while this one lives, other studies in the same file left alone: a lock
/// on one byte far behind the file's end, which the kernel gives up with the process, however that ends. It is
/// a lock of an open file description (fcntl(2), F_OFD_SETLK), which SQLite's own locks of the process do not
/// touch; the file is not closed before the end, because closing would drop SQLite's.
final class StudyLock {
    private static let firstByte: off_t = 1 << 62
    /// F_OFD_SETLK of <fcntl.h>, which Swift does not import.
    private static let setLock: Int32 = 37

    init(path: String, study: Int64, name: String) throws(JournalError) {
        let file = open(path, O_RDWR | O_CLOEXEC)
        guard file >= 0 else {
            throw .database(path: path, message: String(cString: strerror(errno)))
        }
        var range = flock()
        range.l_type = Int16(F_WRLCK)
        range.l_whence = Int16(SEEK_SET)
        range.l_start = Self.firstByte + off_t(study)
        range.l_len = 1
        guard fcntl(file, Self.setLock, &range) == 0 else {
            throw errno == EAGAIN || errno == EACCES
                ? .inUse(path: path, study: name)
                : .database(path: path, message: String(cString: strerror(errno)))
        }
    }
}
