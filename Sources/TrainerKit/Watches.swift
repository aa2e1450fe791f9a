import Glibc
import Spawn
import Wire

/// Notices at once when something appears in a trial folder. Where inotify is not to be had (its limits are
/// per user) the supervisor's tick notices a little later.
struct FolderWatch: ~Copyable {
    /// Becomes readable; -1 where there is no inotify.
    let descriptor: Int32

    init(on folder: TrialFolder) {
        descriptor = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
        if descriptor >= 0 { inotify_add_watch(descriptor, folder.path, UInt32(IN_MOVED_TO | IN_CREATE)) }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Forgets what was noticed.
    func forget() { drain(descriptor) }
}

/// Signals that ask this plugin itself to end (systemd, a terminal): the run is ended in order, as
/// a fault of the node.
enum EndSignal {
    nonisolated(unsafe) private static var received: sig_atomic_t = 0

    static func watch() {
        for number in [SIGTERM, SIGINT, SIGHUP] {
            signal(number) { EndSignal.received = $0 }
        }
        signal(SIGPIPE, SIG_IGN)
        // A full quota is then an error of write(2), like a full disk.
        signal(SIGXFSZ, SIG_IGN)
    }

    /// Number of the signal that came last.
    static var number: Int? { received == 0 ? nil : Int(received) }
}
