import FleetModel
import FoundationEssentials
import Glibc
import Wire

/// Moves the checkpoints that a program saved into the trial folder's `checkpoints/`.
struct CheckpointPublisher {
    private let watch: CheckpointWatch?
    /// Whether something stands in the watched folder that its program has not completed yet.
    private(set) var isWaiting = false
    /// Whether something stands there that a later report completes.
    private(set) var isWaitingForReport = false
    private let spec: RunSpec
    private let folder: TrialFolder
    private let workingFolder: String
    /// What was looked at and left: its step cannot be.
    private var left: Set<String> = []
    /// The last step that the program has reported, and whether it has ended well.
    private var passed = Int.min

    init(_ command: SupervisedCommand, spec: RunSpec, folder: TrialFolder) {
        watch = command.command.checkpoints
        self.spec = spec
        self.folder = folder
        workingFolder = command.workingFolder(of: spec, in: folder)
    }

    /// The folder that is looked into.
    var folderToWatch: String? { watch?.folder }

    mutating func reported(_ step: Int) { passed = max(passed, step) }

    /// The program will write no more, and ended well.
    mutating func hasEndedWell() { passed = .max }

    /// Publishes what has become complete in the watched folder, in the order of steps.
    mutating func found() -> [RunEvent] {
        guard let watch,
            let names = try? FileManager.default.contentsOfDirectory(atPath: watch.folder)
        else { return [] }
        let lastTracked = lastTracked ?? .max
        (isWaiting, isWaitingForReport) = (false, false)
        var complete: [(step: Int, place: String)] = []
        for name in names {
            let place = watch.folder + "/" + name
            guard let step = watch.step(in: name), !left.contains(place) else { continue }
            let marker = watch.marker(of: name, isFile: Self.kind(of: place) == S_IFREG)
            if step > lastTracked || marker.map({ access($0, F_OK) != 0 }) ?? false {
                isWaiting = true
            } else if watch.isCompleteWhenPassed, passed <= step {
                isWaitingForReport = true
            } else {
                complete.append((step, place))
            }
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

    /// Publishes the folder or file `place`, absolute or relative to the working folder, or says why not.
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
        let number = watch?.number(in: last)
        let beside = number == nil ? nil : watch?.beside
        guard beside != nil || Self.kind(of: place) == S_IFREG else { return place }
        let arranged = try CheckpointFolder.temporary(name, in: folder)
        for (file, text) in beside ?? [:] {
            let text = text.replacing("{number}", with: "\(number ?? 0)")
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
        guard isBelow else { throw Refusal("expected a place below \(folder.path)") }
        guard let kind = Self.kind(of: place), kind == S_IFDIR || kind == S_IFREG else {
            throw Refusal("expected a folder or a file that exists")
        }
    }

    /// `S_IFDIR`, `S_IFREG` and so on, of the place itself where it is a link; nil where there is nothing.
    private static func kind(of place: String) -> mode_t? {
        var status = stat()
        return lstat(place, &status) == 0 ? status.st_mode & S_IFMT : nil
    }
}
