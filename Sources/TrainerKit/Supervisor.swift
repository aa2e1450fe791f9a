import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Wire

/// Runs one trainer from its start to the run's end: a single loop around poll(2) that reads its outputs,
/// watches for the stop file, silence and the end, and writes events.
///
/// It looks at what has woken it, and at everything in rounds, so that an event that is lost costs time alone.
struct Supervisor: ~Copyable {
    /// Seconds from round to round. A node may have hundreds of runs, most of which have nothing to say.
    private static let round = 1.0
    /// The same where the system cannot tell what happens; also the least time between two looks into the files
    /// and folders of a trainer, which may write to them without end.
    private static let shortRound = 0.1
    /// Bytes that are read at once: what a pipe holds.
    private static let most = 1 << 16

    private let spec: RunSpec
    private let folder: TrialFolder
    /// Another start after memory ran out, from a saved checkpoint or from the beginning; nil: give up.
    typealias Retry = ((path: String, step: Int)?) throws(Refusal) -> (Attempt, note: String)?

    private let retry: Retry
    private var attempt: Attempt
    private var log: EventLog
    private var course: RunCourse
    private var publisher: CheckpointPublisher
    private var sources: [Source] = []
    private var files: [MetricsFileReader]
    private var ladder: StopLadder?
    private let began = monotonicSeconds()
    private var lastSign = monotonicSeconds()
    /// When files and checkpoints were looked at, and when they are to be again, if nothing wakes us.
    private var look = (last: -Double.infinity, next: -Double.infinity)
    private var lastCheckpoint: (path: String, step: Int)?
    /// Of `Command.before` or the command itself.
    private var program: SupervisedCommand
    private var child: ChildProcess?
    private var mirror: Mirror?

    init(
        _ attempt: Attempt, spec: RunSpec, folder: TrialFolder, log: consuming EventLog,
        retry: @escaping Retry
    ) {
        self.spec = spec
        self.folder = folder
        self.attempt = attempt
        self.retry = retry
        self.log = log
        program = attempt.command
        course = RunCourse(
            spec, expecting: attempt.expectation, savesCheckpoints: attempt.savesCheckpoints)
        if case .resume(let saved, _) = spec.start { course.checkpointMiB = DiskSize.mib(below: saved) }
        files = attempt.command.command.metrics.map(MetricsFileReader.init)
        publisher = CheckpointPublisher(attempt.command, spec: spec, folder: folder)
        mirror = attempt.command.command.mirror.map(Mirror.init)
    }

    /// Returns after `ended` is written; throws where events cannot be written, with nothing left running.
    mutating func run() throws {
        let watch = FolderWatch(on: folder)
        guard access(folder.stop, F_OK) != 0 else { return try log.append(.ended(ending: .stopped)) }
        do {
            while true {
                for note in attempt.command.command.notes { try record(.note(text: note)) }
                guard let end = try perform(watch) else { return }
                try takeRest(after: end)
                guard try startsAgain(after: end) else { return try write(course.end(after: end)) }
            }
        } catch {
            child?.signalGroup(SIGKILL)
            _ = Survivors.endDescendants()
            throw error
        }
    }

    /// Runs the attempt's programs up to the last or to one that fails; nil where one cannot be started, and
    /// the run's end is written.
    private mutating func perform(_ watch: borrowing FolderWatch) throws -> ProcessEnd? {
        for preparation in attempt.command.command.before.map(SupervisedCommand.program) {
            guard let end = try perform(preparation, watch) else { return nil }
            if end != .exit(0) || course.stop != nil { return end }
        }
        return try perform(attempt.command, watch)
    }

    private mutating func perform(
        _ command: SupervisedCommand, _ watch: borrowing FolderWatch
    ) throws -> ProcessEnd? {
        program = command
        do throws(SystemError) {
            try start()
        } catch {
            try log.append(.ended(ending: error.asEnding))
            return nil
        }
        return try child.map { child in try follow(child, watch) }
    }

    /// Whether the programs start again, with less memory.
    private mutating func startsAgain(after end: ProcessEnd) throws -> Bool {
        guard course.ranOutOfMemory(at: end), access(folder.stop, F_OK) != 0,
            let (smaller, note) = try retry(lastCheckpoint)
        else { return false }
        try write(course.note(note))
        course.startAgain()
        attempt = smaller
        publisher = CheckpointPublisher(smaller.command, spec: spec, folder: folder)
        files = smaller.command.command.metrics.map(MetricsFileReader.init)
        lastSign = monotonicSeconds()
        return true
    }

    private mutating func start() throws(SystemError) {
        let streams = program.streams
        let pipes = try streams.map { stream throws(SystemError) in try stream.ends() }
        defer { for pipe in pipes { close(pipe.others) } }
        for pipe in pipes { makeNonBlocking(pipe.ours) }
        sources = zip(streams, pipes).map { Source(stream: $0, descriptor: $1.ours) }
        var started = Program(program.command.arguments)
        started.executable = program.executable
        started.environment = program.environment(of: spec, in: folder)
        started.folder = program.workingFolder(of: spec, in: folder)
        (started.output, started.errors) = (pipes[0].others, pipes[1].others)
        started.further = pipes.dropFirst(2).map(\.others)
        child = try started.spawn()
    }

    private mutating func follow(_ child: ChildProcess, _ watch: borrowing FolderWatch) throws -> ProcessEnd {
        let childWatch = ProcessWatch(on: child)
        let isBlind = watch.descriptor < 0 || childWatch.descriptor < 0
        var nextRound = monotonicSeconds()
        while true {
            let woken = waitForSomething(until: nextRound, watch.descriptor, childWatch.descriptor)
            let now = monotonicSeconds()
            let isRound = now >= nextRound
            if isRound { nextRound = now + (isBlind ? Self.shortRound : Self.round) }
            for index in woken.sources { try readSource(index) }
            if woken.byFolder { watch.forget() }
            if isRound || woken.byFolder { lookSoon() }
            if look.next <= now { try lookAtPlaces(watch) }
            decideToStop(looksForOrder: isRound || woken.byFolder)
            if let step = ladder?.due(at: monotonicSeconds()) { send(step, to: child) }
            if isRound || woken.byEnd, let end = reapAll().ends[child.pid] { return end }
        }
    }

    private func send(_ step: StopLadder.Step, to child: ChildProcess) {
        let children = step.isForChildren ? ProcessEntry.children(of: child.pid) : []
        if children.isEmpty { return child.signalGroup(step.signal) }
        for pid in children { kill(pid, step.signal) }
    }

    /// Takes what the ended trainer left: processes, output, checkpoints.
    private mutating func takeRest(after end: ProcessEnd) throws {
        let immortal = Survivors.endDescendants()
        for index in sources.indices {
            try readSource(index, hasEnded: true)
            if let line = sources[index].lines.finish() { try take(line, from: sources[index].stream) }
        }
        try readFiles { $0.finish() }
        if case .exit(let code) = end, code == 0 || course.stop != nil { publisher.hasEndedWell() }
        try record(publisher.found())
        if end != .exit(0), TrialFolder.isOnFullDisk(folder.path) {
            course.stop(for: .fault(.node(reason: TrialFolder.fullDisk(of: folder.path))))
        }
        CheckpointFolder.removePartial(in: folder)
        if !immortal.isEmpty {
            try write(
                course.note("processes \(immortal.sorted()) hang in the kernel and could not be killed"))
        }
    }
}

// MARK: - One turn of the loop

extension Supervisor {
    private struct Woken {
        /// Indices of those that have something.
        let sources: [Int]
        let byFolder: Bool
        let byEnd: Bool
    }

    private func waitForSomething(until round: Double, _ folder: Int32, _ end: Int32) -> Woken {
        let now = monotonicSeconds()
        let silence = course.stop == nil ? lastSign + spec.silenceSeconds - now : .infinity
        let longest = min(round - now, look.next - now, silence, ladder?.wait(at: now) ?? .infinity)
        var polled = (sources.map(\.descriptor) + [folder, end, EndSignal.descriptor]).map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        Spawn.poll(&polled, seconds: longest)
        return Woken(
            sources: sources.indices.filter { polled[$0].revents != 0 },
            byFolder: polled[sources.count].revents != 0, byEnd: polled[sources.count + 1].revents != 0)
    }

    /// Reads at most 1 MiB, so that a flood of output cannot keep the loop from its other duties; of a trainer that
    /// has ended, all that is left.
    private mutating func readSource(_ index: Int, hasEnded: Bool = false) throws {
        for _ in 0..<16 where sources[index].descriptor >= 0 {
            let bytes: [UInt8]
            switch receive(sources[index].descriptor, limit: Self.most) {
            case .bytes(let some): bytes = some
            case .nothing: return
            case .end: return sources[index].end()
            }
            lastSign = monotonicSeconds()
            // A full disk loses log lines, not the run.
            if let log = sources[index].log { try? writeAll(bytes, to: log) }
            if case .output(.standardOutput) = sources[index].stream { mirror?.append(bytes) }
            for line in sources[index].lines.take(bytes[...]) { try take(line, from: sources[index].stream) }
            // There was no more.
            if bytes.count < Self.most, !hasEnded { return }
        }
    }

    private mutating func lookSoon() {
        look.next = min(look.next, look.last + Self.shortRound)
    }

    /// Reads metrics files and publishes checkpoints. As long as there is something, it comes back by the clock;
    /// then it waits for the next change.
    private mutating func lookAtPlaces(_ watch: borrowing FolderWatch) throws {
        look = (monotonicSeconds(), .infinity)
        var isBusy = try readFiles { $0.read() }
        if !isBusy, !files.isEmpty {
            for place in files.flatMap(\.places) { watch.add(nextChangeOf: place) }
            // What was written before they were watched.
            isBusy = try readFiles { $0.read() }
        }
        if let folder = publisher.folderToWatch { watch.add(folder: folder) }
        try record(publisher.found())
        if isBusy || publisher.isWaiting { lookSoon() }
    }

    private mutating func take(_ line: String, from stream: Source.Stream) throws {
        guard case .output(let stream) = stream else {
            let event = try? Lines.decode(RunEvent.self, from: Data(line.utf8))
            return try record(
                event ?? .note(text: "skipped what the trainer sent: it is too long to be an event"))
        }
        course.saw(line, from: stream)
        guard case .program = attempt.command, program == attempt.command, !course.isDecided else { return }
        try take(attempt.reader.signals(in: line, from: stream))
    }

    /// What was written to metrics files; whether there was something. A program that reports there is not silent.
    @discardableResult
    private mutating func readFiles(_ read: (inout MetricsFileReader) -> [String]) throws -> Bool {
        var found = false
        for index in files.indices {
            let lines = read(&files[index])
            if !lines.isEmpty { lastSign = monotonicSeconds() }
            found = found || !lines.isEmpty || files[index].hasMore
            for line in lines where !course.isDecided {
                try take(attempt.reader.signals(in: line, from: .file(files[index].file.path)))
            }
        }
        return found
    }

    private mutating func take(_ signals: [Signal]) throws {
        for signal in signals {
            switch signal {
            case .fault(let cause): course.suspect(cause)
            case .report(let report):
                publisher.reported(report.step)
                if publisher.isWaitingForReport { lookSoon() }
                try record(.report(report: report))
            case .note(let text): try record(.note(text: text))
            case .checkpoint(let step, let place): try record(publisher.publish(place, step: step))
            }
        }
    }

    private mutating func record(_ events: [RunEvent]) throws {
        for event in events { try record(event) }
    }

    private mutating func record(_ event: RunEvent) throws {
        if case .checkpoint(let name, _) = event {
            course.checkpointMiB =
                DiskSize.mib(below: folder.checkpoints + "/" + name) ?? course.checkpointMiB
        }
        try write(course.take(event))
    }

    private mutating func write(_ events: [RunEvent]) throws {
        for event in events {
            if case .checkpoint(let name, let step) = event {
                lastCheckpoint = (folder.checkpoints + "/" + name, step)
            }
            if case .report(let report) = event {
                try log.append(.report(report: report.stamped(after: monotonicSeconds() - began)))
            } else {
                try log.append(event)
            }
        }
    }

    /// - Parameter looksForOrder: whether the stop file may have appeared.
    private mutating func decideToStop(looksForOrder: Bool) {
        let now = monotonicSeconds()
        if looksForOrder, access(folder.stop, F_OK) == 0 {
            course.stop(for: .ordered)
        } else if let number = EndSignal.number {
            course.stop(for: .fault(.node(reason: "the plugin was told to end by signal \(number)")))
        } else if now - lastSign > spec.silenceSeconds {
            course.stop(for: .fault(.silent(seconds: spec.silenceSeconds)))
        }
        guard let reason = course.stop, ladder == nil else { return }
        if reason == .ordered { for source in sources { source.tellOrder() } }
        ladder = program.ladder(for: reason, grace: spec.graceSeconds, now: now)
    }
}

/// One of the trainer's streams.
struct Source {
    enum Stream {
        case output(OutputStream)
        /// `RunEvent`s of a `TrainingSession`, which sees the connection end when a stop is ordered.
        case session

        /// A new connection for it.
        func ends() throws(SystemError) -> (ours: Int32, others: Int32) {
            if case .session = self { return try makeSocketPair() }
            let pipe = try Pipe()
            return (pipe.reading, pipe.writing)
        }
    }

    let stream: Stream
    private(set) var descriptor: Int32
    var lines = LineCutter()

    init(stream: Stream, descriptor: Int32) {
        self.stream = stream
        self.descriptor = descriptor
    }

    /// Where its bytes are kept: our own output, which is the trial folder's log.
    var log: Int32? {
        switch stream {
        case .output(.standardOutput): STDOUT_FILENO
        case .output(.standardError): STDERR_FILENO
        case .output(.file), .session: nil
        }
    }

    func tellOrder() {
        if case .session = stream { shutdown(descriptor, Int32(SHUT_WR)) }
    }

    mutating func end() {
        close(descriptor)
        descriptor = -1
    }
}
