import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Wire

/// Where plugins are, and which of them answered.
struct Plugins {
    /// The plugins that come with iterhpo; besides them, everything in the home's `plugins/` is looked at.
    static let known = ["command", "huggingface", "megatron", "native", "scripted"]

    /// A program as it was when it was asked.
    struct Version: Hashable {
        let path: String
        let modified: Int
        let nanoseconds: Int
    }

    /// Folders with plugins, the first wins.
    let folders: [String]
    /// The folder all of whose programs are plugins.
    let own: String
    private var answers: [Version: Bool] = [:]

    init(folder: String?, home: Home) {
        own = home.plugins
        folders = [folder ?? Self.folderOfThisProgram, home.plugins]
    }

    private static var folderOfThisProgram: String {
        let path = realpath("/proc/self/exe", nil)
        defer { free(path) }
        let text = path.map { String(cString: $0) } ?? ""
        return String(text[..<(text.lastIndex(of: "/") ?? text.endIndex)])
    }

    /// The program of that name; nil where there is none, or the name is none.
    func find(_ name: String) -> String? {
        guard FolderName.isSafe(name) else { return nil }
        return folders.lazy.compactMap { Self.version("\($0)/\(name)")?.path }.first
    }

    /// The programs that might be plugins and were not asked yet; each is answered once.
    mutating func takeUnasked() -> [Version] {
        let versions = candidates.compactMap { Self.version($0) }.filter { answers[$0] == nil }
        for version in versions { answers[version] = false }
        return versions
    }

    /// `output` is what `describe` said, nil where it failed.
    mutating func note(_ version: Version, output: String?) {
        answers[version] = output.map(Self.saysHello) ?? false
    }

    /// Names of the plugins that said hello, sorted.
    var names: [String] {
        let ready = candidates.filter { path in Self.version(path).map { answers[$0] == true } ?? false }
        return Set(ready.map { String($0[$0.index(after: $0.lastIndex(of: "/")!)...]) }).sorted()
    }

    private var candidates: [String] {
        folders.flatMap { folder in Self.known.map { "\(folder)/\($0)" } }
            + Spawn.names(in: own).filter(FolderName.isSafe).map { "\(own)/\($0)" }
    }

    private static func saysHello(_ output: String) -> Bool {
        output.split(whereSeparator: \.isNewline).contains { line in
            ((try? Hello.read(String(line))) ?? nil) != nil
        }
    }

    private static func version(_ path: String) -> Version? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, access(path, X_OK) == 0 else {
            return nil
        }
        return Version(
            path: path, modified: status.st_mtim.tv_sec, nanoseconds: Int(status.st_mtim.tv_nsec))
    }
}
