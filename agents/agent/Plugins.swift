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
    struct File: Hashable {
        let path: String
        let modified: Int
        let nanoseconds: Int
    }

    /// Folders with plugins, the first wins.
    let folders: [String]
    /// The folder all of whose programs are plugins.
    let own: String
    /// The version of the kit, of those that said hello.
    private var answers: [File: String?] = [:]

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
        return folders.lazy.compactMap { Self.file("\($0)/\(name)")?.path }.first
    }

    /// The programs that might be plugins and were not asked yet; each is answered once.
    mutating func takeUnasked() -> [File] {
        let files = candidates.compactMap(Self.file).filter { answers[$0] == nil }
        for file in files { answers[file] = .some(nil) }
        return files
    }

    /// `output` is what `describe` said, nil where it failed.
    mutating func note(_ file: File, output: String?) {
        answers[file] = .some(output.flatMap(Self.version(saidBy:)))
    }

    /// The plugins that said hello, sorted by their names.
    var offers: [PluginOffer] {
        var versions: [String: String] = [:]
        for path in candidates {
            guard let file = Self.file(path), let version = answers[file] ?? nil else { continue }
            let name = String(path[path.index(after: path.lastIndex(of: "/")!)...])
            versions[name] = versions[name] ?? version
        }
        return versions.map(PluginOffer.init).sorted { $0.name < $1.name }
    }

    var names: [String] { offers.map(\.name) }

    private var candidates: [String] {
        folders.flatMap { folder in Self.known.map { "\(folder)/\($0)" } }
            + Spawn.names(in: own).filter(FolderName.isSafe).map { "\(own)/\($0)" }
    }

    private static func version(saidBy output: String) -> String? {
        output.split(whereSeparator: \.isNewline).lazy.compactMap { (try? Hello.read(String($0))) ?? nil }
            .first?.version
    }

    private static func file(_ path: String) -> File? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, access(path, X_OK) == 0 else {
            return nil
        }
        return File(
            path: path, modified: status.st_mtim.tv_sec, nanoseconds: Int(status.st_mtim.tv_nsec))
    }
}
