import FleetModel
import FoundationEssentials
import Glibc

/// Finds and reads text files.
enum TextFiles {
    /// The bytes of each file that absolute `paths` mean: files themselves, and the files of folders and of
    /// their subfolders, by name, without hidden ones. A file that several paths or links lead to is read
    /// once.
    static func read(_ paths: [String]) throws(Problem) -> [[UInt8]] {
        var seen: Set<String> = []
        var texts: [[UInt8]] = []
        for (index, path) in paths.enumerated() {
            let place = ["data", "\(index)"]
            if kind(of: path) == .missing {
                throw Problem(at: place, found: "nothing at \(path)", expected: "a file or a folder of text")
            }
            for file in files(at: path) where seen.insert(real(file)).inserted {
                texts.append(try bytes(of: file, at: place))
            }
        }
        return texts
    }

    /// The file itself, or those of the folder, two levels deep.
    private static func files(at path: String) -> [String] {
        guard kind(of: path) == .folder else { return [path] }
        return listing(path).flatMap { below in
            kind(of: below) == .folder ? listing(below) : [below]
        }.filter { kind(of: $0) == .file }
    }

    private static func listing(_ folder: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { !$0.hasPrefix(".") }.sorted().map { folder + "/" + $0 }
    }

    private enum Kind { case file, folder, missing }

    private static func kind(of path: String) -> Kind {
        var status = stat()
        guard stat(path, &status) == 0 else { return .missing }
        return switch status.st_mode & S_IFMT {
        case S_IFREG: .file
        case S_IFDIR: .folder
        default: .missing
        }
    }

    /// The path without symbolic links.
    private static func real(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private static func bytes(of file: String, at place: [String]) throws(Problem) -> [UInt8] {
        do {
            return [UInt8](try Data(contentsOf: URL(filePath: file)))
        } catch {
            throw Problem(at: place, found: "\(file), which cannot be read", expected: "readable text")
        }
    }
}
