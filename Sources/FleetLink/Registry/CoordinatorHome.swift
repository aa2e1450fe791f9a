import FoundationEssentials
import Glibc
import Spawn

/// The folder of this machine's coordinators, shared by all studies: `nodes/`, one file a node, the key
/// that they connect with, and `ssh_config` where somebody has put one. Only its owner may read it.
public struct CoordinatorHome: Hashable, Sendable {
    public static let variable = "ITERHPO_HOME"

    /// Absolute, without a slash at the end.
    public let path: String

    public var nodes: String { path + "/nodes" }

    /// What is said to ssh where the home has a configuration for it, which then stands for `~/.ssh/config`.
    var sshOptions: [String] {
        let file = path + "/ssh_config"
        return access(file, F_OK) == 0 ? ["-F", file] : []
    }

    public init(path: String) {
        self.path = path
    }

    /// The home at `given`, or at `$ITERHPO_HOME`, or at `~/.iterhpo`; nothing is made yet.
    public init(at given: String?) {
        let named = ProcessInfo.processInfo.environment[Self.variable]
        let path = [given, named].compactMap(\.self).first { !$0.isEmpty } ?? Self.usual
        self.init(path: path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path)
    }

    /// Where it is if nobody says otherwise.
    private static var usual: String {
        let user = ProcessInfo.processInfo.environment["HOME"]
        return (user ?? getpwuid(getuid()).map { String(cString: $0.pointee.pw_dir) } ?? ".") + "/.iterhpo"
    }

    /// The path for who would look elsewhere without it; nil where it is the usual one.
    public var unusualPath: String? { path == Self.usual ? nil : path }

    /// Makes the home and a folder in it where they are not there, both for their owner only.
    func makeFolder(_ folder: String) throws {
        for path in [path, folder] {
            guard access(path, F_OK) != 0 else { continue }
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        }
    }
}
