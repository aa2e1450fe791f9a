import FleetModel
import FoundationEssentials
import Glibc
import Wire

extension Trainer {
    /// `NAME explain FOLDER`: what a run of the spec on stdin would start in that trial folder. What the
    /// trainer writes in preparation goes to a temporary folder, which is gone afterwards.
    static func explain(_ spec: RunSpec, in folder: TrialFolder) throws -> Explanation {
        let rehearsal = TrialFolder(path: "/tmp/iterhpo-explain-\(getpid())")
        try FileManager.default.createDirectory(atPath: rehearsal.path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: rehearsal.path) }
        let attempts = try Attempts<Self>(of: spec, in: rehearsal)
        let supervised = try attempts.explained()
        let command = supervised.command
        func shown(_ text: String) -> String { text.replacing(rehearsal.path, with: folder.path) }
        return Explanation(
            argv: command.arguments.map(shown),
            environment: supervised.environment(of: spec, in: rehearsal).mapValues(shown),
            workingFolder: shown(supervised.workingFolder(of: spec, in: rehearsal)),
            before: command.before.map { $0.arguments.map(shown) },
            files: try writtenFiles(below: rehearsal.path, shown),
            checkpoint: command.checkpoints.map { $0.place(ofStep: spec.steps, in: folder, shown) },
            notes: command.notes.map(shown))
    }

    private static func writtenFiles(
        below base: String, _ shown: (String) -> String
    ) throws -> [String: String?] {
        var files: [String: String?] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: base) {
            var status = stat()
            let path = base + "/" + name
            guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            let bytes = FileManager.default.contents(atPath: path) ?? Data()
            files.updateValue(String(validating: bytes, as: UTF8.self).map(shown), forKey: shown(path))
        }
        return files
    }
}

extension CheckpointWatch {
    fileprivate func place(
        ofStep step: Int, in folder: TrialFolder, _ shown: (String) -> String
    ) -> Explanation.CheckpointPlace {
        Explanation.CheckpointPlace(
            folder: shown(self.folder), last: name(ofStep: step),
            published: folder.checkpoints + "/" + CheckpointFolder.name(ofStep: step))
    }
}
