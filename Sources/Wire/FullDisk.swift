import Glibc

/// What agent and plugin both mean by a full disk.
extension TrialFolder {
    /// With less room than this for logs, events and checkpoints, a disk is full. MiB.
    private static let leastFreeMiB = 64

    /// Whether the disk of `path` is full; false where nobody can tell.
    public static func isOnFullDisk(_ path: String) -> Bool {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return false }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize) < UInt64(leastFreeMiB) << 20
    }

    /// The same words every time, so that they are no news while the disk stays full.
    public static func fullDisk(of path: String) -> String {
        "the disk of \(path) is full: under \(leastFreeMiB) MiB are free"
    }
}
