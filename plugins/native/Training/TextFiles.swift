import FleetModel
import FoundationEssentials
import Glibc

/// Finds and reads the text files that settings name.
struct TextFiles {
    /// Absolute; relative paths start here.
    let baseFolder: String

    /// The bytes of each file that `names` mean: files themselves, and the files of folders and of their
    /// subfolders, by name. A file that several names or links lead to is read once.
    func read(_ names: [String]) throws(Problem) -> [[UInt8]] {
        var seen: Set<String> = []
        var texts: [[UInt8]] = []
        for (index, name) in names.enumerated() {
            let path = absolute(name)
            let files = try files(at: path, problemPath: ["data", "\(index)"])
            for file in files where seen.insert(real(file)).inserted {
                texts.append(try bytes(of: file, problemPath: ["data", "\(index)"]))
            }
        }
        return texts
    }

    private func absolute(_ name: String) -> String {
        if name == "~" || name.hasPrefix("~/") {
            return FileManager.default.homeDirectoryForCurrentUser.path + name.dropFirst()
        }
        return name.hasPrefix("/") ? name : baseFolder + "/" + name
    }

    /// The file itself, or those of the folder, two levels deep, sorted. Hidden ones are left out.
    private func files(at path: String, problemPath: [String]) throws(Problem) -> [String] {
        switch kind(of: path) {
        case .file: return [path]
        case .folder: return listing(path).flatMap { below in
            kind(of: below) == .folder ? listing(below).filter { kind(of: $0) == .file } : [below]
        }.filter { kind(of: $0) == .file }
        case .missing:
            throw Problem(at: problemPath, found: "no file or folder at \(path)", expected: "text to learn from")
        }
    }

    private func listing(_ folder: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { !$0.hasPrefix(".") }.sorted().map { folder + "/" + $0 }
    }

    private enum Kind { case file, folder, missing }

    private func kind(of path: String) -> Kind {
        var status = stat()
        guard stat(path, &status) == 0 else { return .missing }
        return switch status.st_mode & S_IFMT {
        case S_IFREG: .file
        case S_IFDIR: .folder
        default: .missing
        }
    }

    /// The path without symbolic links.
    private func real(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private func bytes(of file: String, problemPath: [String]) throws(Problem) -> [UInt8] {
        do {
            return [UInt8](try Data(contentsOf: URL(filePath: file)))
        } catch {
            throw Problem(at: problemPath, found: "\(file), which cannot be read", expected: "readable text")
        }
    }
}
