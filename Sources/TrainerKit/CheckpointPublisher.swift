import FleetModel
import FoundationEssentials
import Glibc
import Wire

/// Moves the checkpoints that a program saved into the trial folder's `checkpoints/`.
struct CheckpointPublisher {
    private let watch: CheckpointWatch?
    private let spec: RunSpec
    private let folder: TrialFolder
    private let workingFolder: String
    /// Folders that were looked at and left: their step cannot be.
    private var left: Set<String> = []

    init(_ command: SupervisedCommand, spec: RunSpec, folder: TrialFolder) {
        watch = command.command.checkpoints
        self.spec = spec
        self.folder = folder
        workingFolder = command.workingFolder(of: spec, in: folder)
    }

    /// Publishes what has become complete in the watched folder, in the order of steps.
    mutating func found() -> [RunEvent] {
        guard let watch,
            let names = try? FileManager.default.contentsOfDirectory(atPath: watch.folder)
        else { return [] }
        let lastTracked = lastTracked
        let complete = names.compactMap { name -> (step: Int, place: String)? in
            guard let step = watch.step(in: name) else { return nil }
            let place = watch.folder + "/" + name
            guard !left.contains(place) else { return nil }
            if let marker = watch.marker, access(place + "/" + marker, F_OK) != 0 { return nil }
            if let last = lastTracked, step > last { return nil }
            return (step, place)
        }
        var events: [RunEvent] = []
        for (step, place) in complete.sorted(by: { $0.step < $1.step }) {
            events += publish(place, step: step)
        }
        return events
    }

    /// The step of the last checkpoint that the program calls complete; nil where it keeps no such file.
    private var lastTracked: Int? {
        guard let watch, let tracker = watch.tracker else { return nil }
        let text = FileManager.default.contents(atPath: watch.folder + "/" + tracker)
        let number = Int(String(decoding: text ?? Data(), as: UTF8.self).filter { !$0.isWhitespace })
        return number.map { $0 - watch.offset } ?? .min
    }

    /// Publishes the folder `place`, absolute or relative to the working folder, or says why not.
    mutating func publish(_ place: String, step: Int) -> [RunEvent] {
        let place = absolutePath(place, from: workingFolder)
        do throws(Refusal) {
            try check(place, step: step)
            let name = CheckpointFolder.name(ofStep: step)
            do {
                try CheckpointFolder.publish(arranged(place, name), as: name, in: folder)
            } catch {
                throw Refusal("\(error)")
            }
            return [.checkpoint(name: name, step: step)]
        } catch {
            left.insert(place)
            return [.note(text: "left the checkpoint of step \(step) at \(place): \(error)")]
        }
    }

    /// The folder that becomes the checkpoint, with `place` in it.
    private func arranged(_ place: String, _ name: String) throws -> String {
        let last = place.split(separator: "/").last.map(String.init) ?? ""
        guard let watch, let beside = watch.beside, let number = watch.number(in: last) else { return place }
        let arranged = try CheckpointFolder.temporary(name, in: folder)
        for (file, text) in beside {
            let text = text.replacing("{number}", with: "\(number)")
            try Data(text.utf8).write(to: URL(filePath: arranged + "/" + file))
        }
        try CheckpointFolder.move(place, to: arranged + "/" + last)
        return arranged
    }

    private func check(_ place: String, step: Int) throws(Refusal) {
        guard (spec.firstStep...max(spec.firstStep, spec.steps)).contains(step) else {
            throw Refusal("expected a step from \(spec.firstStep) to \(spec.steps)")
        }
        // What the plugin itself has named may lie elsewhere: gangs save to a folder that all nodes see.
        let roots = [folder.path, watch?.folder].compactMap(\.self)
        let isBelow =
            roots.contains { place.hasPrefix($0 + "/") } && !place.split(separator: "/").contains("..")
        guard isBelow else { throw Refusal("expected a folder below \(folder.path)") }
        var status = stat()
        guard lstat(place, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw Refusal("expected a folder that exists")
        }
    }
}
