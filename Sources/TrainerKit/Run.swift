import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Wire

extension Trainer {
    /// `NAME run FOLDER`: supervises the run of that folder; 0 where the folder then tells its end.
    static func run(_ folder: TrialFolder) throws -> Int32 {
        let spec = try readSpec(of: folder)
        // Kept until this process is gone.
        guard try openLocked(folder.lock, mode: 0o644) != nil else { return 0 }
        var log = try EventLog(of: folder)
        if log.earlier.hasEnded { return 0 }
        if log.earlier.hasStarted {
            Survivors.endMarked(with: folder)
            CheckpointFolder.removePartial(in: folder)
            try log.append(.ended(ending: .failed(RunFailure(.vanished))))
            return 0
        }
        try becomeSupervisor(of: folder)
        let startTime = ProcessEntry(pid: getpid())?.startTime ?? 0
        try log.append(.started(pid: getpid(), startTime: startTime))
        var attempts: Attempts<Self>
        let first: Attempt
        do throws(Refusal) {
            attempts = try Attempts(of: spec, in: folder)
            first = try attempts.current()
        } catch {
            try log.append(.ended(ending: .failed(RunFailure(.refused(reason: error.reason)))))
            return 0
        }
        var supervisor = Supervisor(first, spec: spec, folder: folder, log: log) {
            saved throws(Refusal) in try attempts.next(from: saved)
        }
        try supervisor.run()
        return 0
    }

    /// `NAME session FOLDER`: the child of `run` in which an in-process trainer works.
    static func session(_ folder: TrialFolder) throws -> Int32 {
        let channel: Int32 = 3
        guard fcntl(channel, F_SETFD, FD_CLOEXEC) == 0 else {
            throw Refusal("session is started by run alone; expected: \(about.name) run FOLDER")
        }
        let session = TrainingSession(spec: try readSpec(of: folder), folder: folder, channel: channel)
        do {
            let execution = try make(for: session.spec).execution(of: session.spec, in: folder)
            guard case .inProcess(let body) = execution else {
                throw Refusal("\(about.name) changed its mind: its second execution is a program")
            }
            try body(session)
        } catch is RunIsOver {
        } catch let refusal as Refusal {
            try session.refuse(refusal)
        }
        return 0
    }

    static func make(for spec: RunSpec) throws(Refusal) -> Self {
        var reader = SettingsReader(spec.settings, at: settingsPlace, baseFolder: spec.baseFolder)
        let trainer = Self(settings: &reader)
        let problems = reader.finish()
        guard problems.isEmpty else {
            throw Refusal(problems.map(\.description).joined(separator: "; "))
        }
        return trainer
    }

    private static func readSpec(of folder: TrialFolder) throws -> RunSpec {
        guard let bytes = FileManager.default.contents(atPath: folder.spec) else {
            throw Refusal("found no \(folder.spec); expected a trial folder as the agent makes it")
        }
        do {
            return try Lines.decode(RunSpec.self, from: bytes)
        } catch {
            throw Refusal("\(folder.spec) is no run spec: \(inWords(error))")
        }
    }
}

/// Own session, adopter of orphans, and outputs that are the folder's logs. Trainer and plugin both append
/// to the logs through these descriptors, so their bytes never overwrite each other.
private func becomeSupervisor(of folder: TrialFolder) throws {
    // Fails where this process leads its group already, which is as good.
    setsid()
    try becomeSubreaper()
    for (path, target) in [(folder.stdout, STDOUT_FILENO), (folder.stderr, STDERR_FILENO)] {
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0, dup2(descriptor, target) >= 0 else { throw SystemError("open \(path)") }
        close(descriptor)
    }
    try EndSignal.watch()
}

/// A decoding error in one sentence: `slots.0: expected …`.
func inWords(_ error: any Error) -> String {
    func place(_ path: [any CodingKey]) -> String {
        path.isEmpty ? "" : path.map(\.stringValue).joined(separator: ".") + ": "
    }
    switch error {
    case DecodingError.keyNotFound(let key, let context):
        return place(context.codingPath) + "\(key.stringValue) is missing"
    case DecodingError.valueNotFound(_, let context), DecodingError.typeMismatch(_, let context),
        DecodingError.dataCorrupted(let context):
        return place(context.codingPath) + context.debugDescription
    default: return "\(error)"
    }
}
