import Glibc
import Spawn
import Wire

/// Notices at once when something appears in a folder or is written to a file. Where inotify is not to be had (its
/// limits are per user) the supervisor's rounds notice a little later.
struct FolderWatch: ~Copyable {
    /// Becomes readable; -1 where there is no inotify.
    let descriptor: Int32

    init(on folder: TrialFolder) {
        let made = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
        let isWatched = made >= 0 && inotify_add_watch(made, folder.path, Self.appearance) >= 0
        if made >= 0, !isWatched { close(made) }
        descriptor = isWatched ? made : -1
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// The same events for every folder, since a second watch on one replaces the first.
    private static let appearance = UInt32(IN_MOVED_TO | IN_CREATE | IN_CLOSE_WRITE)

    /// Also watches a folder, if it is there.
    func add(folder: String) {
        if descriptor >= 0 { inotify_add_watch(descriptor, folder, Self.appearance) }
    }

    /// Notices the next time that a file is written to or replaced, and no further one: a program may write much
    /// more often than anybody reads. Of a file that is not there yet, its folder is watched.
    func add(nextChangeOf file: String) {
        guard descriptor >= 0 else { return }
        let change = UInt32(IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF) | UInt32(IN_ONESHOT)
        if inotify_add_watch(descriptor, file, change) >= 0 { return }
        if let slash = file.lastIndex(of: "/") { add(folder: String(file[..<slash])) }
    }

    /// Forgets what was noticed.
    func forget() { drain(descriptor) }
}

/// Signals that ask this plugin itself to end (systemd, a terminal): the run is ended in order, as
/// a fault of the node.
enum EndSignal {
    nonisolated(unsafe) private static var received: sig_atomic_t = 0
    /// A signal may come between asking for it and waiting: a byte in this pipe ends the wait then.
    nonisolated(unsafe) private static var bell: (reading: Int32, writing: Int32) = (-1, -1)

    /// Becomes readable when a signal comes; -1 once it has come.
    static var descriptor: Int32 { received == 0 ? bell.reading : -1 }

    static func watch() throws(SystemError) {
        let pipe = try Pipe()
        makeNonBlocking(pipe.writing)
        (received, bell) = (0, (pipe.reading, pipe.writing))
        for number in [SIGTERM, SIGINT, SIGHUP] {
            signal(number) {
                EndSignal.received = $0
                let before = errno
                var byte: UInt8 = 0
                write(EndSignal.bell.writing, &byte, 1)
                errno = before
            }
        }
        signal(SIGPIPE, SIG_IGN)
        // A full quota is then an error of write(2), like a full disk.
        signal(SIGXFSZ, SIG_IGN)
    }

    /// Number of the signal that came last.
    static var number: Int? { received == 0 ? nil : Int(received) }
}
