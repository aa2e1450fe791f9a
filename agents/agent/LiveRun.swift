import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Wire

/// A run that is not over: it holds its slots until nothing of it is left.
final class LiveRun {
    /// How often a run is looked at although nothing was heard of it, in seconds.
    static let roundSeconds = 1.0
    /// A plugin that has not begun yet is looked at more often, and so are the remains of a run.
    static let soonSeconds = 0.02
    /// One that is about to be gone, more often still.
    private static let leavingSeconds = 0.001

    let key: RunKey
    let slots: [Slot]
    let folder: TrialFolder
    /// nil where the system does not tell what happens in the folder: then it is looked at every 20 ms.
    let watch: Int32?
    /// When to look again, on the monotonic clock.
    private(set) var checkAt = 0.0
    private(set) var tail: EventTail
    private var life: RunLife
    private let lock: RunLock
    private let processes: ProcessMarks
    private var child: ChildProcess?
    private var childEnd: ProcessEnd?
    private var leader: Leader?
    /// When its lock was seen to be free.
    private var leavingSince: Double?
    /// When nothing of it was left.
    private var overSince: Double?

    /// What looking at it gave.
    enum Outcome { case goesOn, over(RunEnding?) }

    init(_ spec: RunSpec, folder: TrialFolder, watch: Int32?, processes: ProcessMarks, now: Double) throws {
        key = spec.key
        slots = spec.slots
        self.folder = folder
        self.watch = watch
        self.processes = processes
        lock = try RunLock(folder)
        tail = folder.readTail()
        life = RunLife(graceSeconds: spec.graceSeconds, stopAge: folder.stopAge, now: now)
        checkAt = now
    }

    /// Whether a plugin must be started: nobody has the lock, and nothing says that one ever had.
    var needsPlugin: Bool {
        guard !tail.hasStarted, lock.take() else { return false }
        lock.release()
        tail = folder.readTail()
        return !tail.hasStarted
    }

    /// Starts the plugin in a session of its own, so that it outlives us.
    ///
    /// - Parameters:
    ///   - devices: the uuids of its GPUs, which stay theirs when others come or go; nil where it has none, or
    ///     they are not known.
    ///   - cores: those near its GPUs; nil: all.
    func start(plugin: String, devices: [String]?, cores: Cores?, now: Double) throws {
        var program = Program([plugin, "run", folder.path])
        program.environment = [TrialFolder.environmentMark: folder.path]
        if let devices { program.environment["CUDA_VISIBLE_DEVICES"] = devices.joined(separator: ",") }
        program.folder = folder.path
        program.leadsSession = true
        program.cores = cores
        let flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC
        let output = try checked("open \(folder.stdout)") { open(folder.stdout, flags, 0o600) }
        defer { close(output) }
        let errors = try checked("open \(folder.stderr)") { open(folder.stderr, flags, 0o600) }
        defer { close(errors) }
        (program.output, program.errors) = (output, errors)
        child = try program.spawn()
        checkAt = now + Self.soonSeconds
    }

    /// Writes the stop order, once.
    func stop(_ order: StopOrder, now: Double) throws {
        if access(folder.stop, F_OK) != 0 { try folder.publish(order, at: folder.stop) }
        life.askToStop(now: now)
        checkAt = now
    }

    /// Nothing of it is left; answers since when. It is looked at again soon, until its slots are free.
    func over(now: Double) -> Double {
        overSince = overSince ?? now
        checkAt = now + Self.soonSeconds
        return overSince!
    }

    /// Nothing of it is left but, maybe, memory of its GPUs.
    var isOver: Bool { overSince != nil }

    /// What it waits for may have come.
    func lookNow() { checkAt = 0 }

    /// The lock was given up just now; the system frees it a moment later.
    func lookSoon(now: Double) { checkAt = min(checkAt, now + Self.leavingSeconds) }

    /// Looks, and does what `RunLife` says.
    func look(now: Double) throws -> Outcome {
        switch life.judge(see(), now: now) {
        case .wait(let until):
            let isQuiet = watch != nil && tail.hasStarted && !tail.hasEnded
            let round = isQuiet ? Self.roundSeconds : Self.soonSeconds
            checkAt = min(now + round, until ?? .infinity)
        case .terminate:
            signalAll(SIGTERM)
            checkAt = now
        case .kill:
            signalAll(SIGKILL)
            checkAt = now + Self.soonSeconds
        case .clear(let ending):
            if isLeaving(now: now) {
                checkAt = now + Self.leavingSeconds
                break
            }
            let remains = signalAll(SIGKILL)
            checkAt = now + Self.soonSeconds
            if remains == 0 { return .over(try write(ending)) }
        }
        return .goesOn
    }

    /// Whether its first process, which has given up the lock, is about to be gone: to look at all processes for what
    /// is left of the run is of no use until then, unless it takes long.
    private func isLeaving(now: Double) -> Bool {
        let since = leavingSince ?? now
        leavingSince = since
        guard now < since + Self.soonSeconds else { return false }
        if child != nil { return true }
        return leader.map { ProcessEntry(pid: $0.pid)?.startTime == $0.startTime } ?? false
    }

    private func see() -> RunLife.Sight {
        if let end = child?.endIfOver() { (child, childEnd) = (nil, end) }
        readTail()
        // A plugin of ours that has not written `started` may be about to take the lock.
        let mayAsk = tail.hasStarted || child == nil
        let isFree = mayAsk ? lock.take() : nil
        if isFree == true { readTail() }
        if leader == nil, tail.hasStarted { leader = folder.readLeader() }
        return RunLife.Sight(
            hasStarted: tail.hasStarted, hasEnded: tail.hasEnded,
            childExit: childEnd.map { "\($0)" }, lockIsFree: isFree)
    }

    /// Mostly nothing was written since the last look, and every run is looked at each second.
    private func readTail() {
        var now = stat()
        guard stat(folder.events, &now) != 0 || Int(now.st_size) != tail.end else { return }
        tail = folder.readTail()
    }

    /// How many processes it was sent to.
    ///
    /// Runs that are looked at in one round share one look at the processes. That they are all gone is as true of a
    /// look from before this run's lock was seen to be free: its plugin was gone by then, and what is gone begins
    /// nothing.
    @discardableResult
    private func signalAll(_ signal: Int32) -> Int {
        let pids = processes.lookOnce().processes(of: folder, leader: leader)
        for pid in pids { kill(pid, signal) }
        return pids.count
    }

    private func write(_ ending: RunEnding?) throws -> RunEnding? {
        guard let ending else { return nil }
        var told = ending
        if case .failed(let failure) = ending {
            told = .failed(RunFailure(failure.cause, lastLines: folder.lastErrorLines()))
        }
        try folder.append(.ended(ending: told))
        return told
    }
}

extension TrialFolder {
    /// Who leads the run's session, as the first line of `events.jsonl` says.
    func readLeader() -> Leader? {
        let piece = EventReader.piece(of: events, from: 0)
        guard case .started(let pid, let startTime) = piece.events.first?.event else { return nil }
        return Leader(pid: pid, startTime: startTime)
    }
}
