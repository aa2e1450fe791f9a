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

    init(_ watch: CheckpointWatch?, spec: RunSpec, folder: TrialFolder, workingFolder: String) {
        self.watch = watch
        self.spec = spec
        self.folder = folder
        self.workingFolder = workingFolder
    }

    /// Publishes what has become complete in the watched folder, in the order of steps.
    mutating func found() -> [RunEvent] {
        guard let watch,
            let names = try? FileManager.default.contentsOfDirectory(atPath: watch.folder)
        else { return [] }
        let complete = names.compactMap { name -> (step: Int, place: String)? in
            guard let step = watch.step(in: name) else { return nil }
            let place = watch.folder + "/" + name
            guard !left.contains(place) else { return nil }
            if let marker = watch.marker, access(place + "/" + marker, F_OK) != 0 { return nil }
            return (step, place)
        }
        var events: [RunEvent] = []
        for (step, place) in complete.sorted(by: { $0.step < $1.step }) {
            events += publish(place, step: step)
        }
        return events
    }

    /// Publishes the folder `place`, absolute or relative to the working folder, or says why not.
    mutating func publish(_ place: String, step: Int) -> [RunEvent] {
        let place = absolutePath(place, from: workingFolder)
        do throws(Refusal) {
            try check(place, step: step)
            let name = CheckpointFolder.name(ofStep: step)
            do {
                try CheckpointFolder.publish(place, as: name, in: folder)
            } catch {
                throw Refusal("\(error)")
            }
            return [.checkpoint(name: name, step: step)]
        } catch {
            left.insert(place)
            return [.note(text: "left the checkpoint of step \(step) at \(place): \(error)")]
        }
    }

    private func check(_ place: String, step: Int) throws(Refusal) {
        guard (spec.firstStep...max(spec.firstStep, spec.steps)).contains(step) else {
            throw Refusal("expected a step from \(spec.firstStep) to \(spec.steps)")
        }
        let isBelow = place.hasPrefix(folder.path + "/") && !place.split(separator: "/").contains("..")
        guard isBelow else { throw Refusal("expected a folder below \(folder.path)") }
        var status = stat()
        guard lstat(place, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw Refusal("expected a folder that exists")
        }
    }
}
