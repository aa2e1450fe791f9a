import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Wire

/// Runs one trainer from its start to the run's end: a single loop around poll(2) that reads its outputs,
/// watches for the stop file, silence and the end, and writes events.
struct Supervisor: ~Copyable {
    private static let tick = 0.1

    private let spec: RunSpec
    private let folder: TrialFolder
    private let command: SupervisedCommand
    private let signals: (String, OutputStream) -> [Signal]
    private var log: EventLog
    private var course: RunCourse
    private var publisher: CheckpointPublisher
    private var sources: [Source] = []
    private var files: [MetricsFileReader]
    private var ladder: StopLadder?
    private var lastSign = monotonicSeconds()

    init(
        _ command: SupervisedCommand, spec: RunSpec, folder: TrialFolder, log: consuming EventLog,
        expecting expectation: Expectation, signals: @escaping (String, OutputStream) -> [Signal]
    ) {
        self.spec = spec
        self.folder = folder
        self.command = command
        self.signals = signals
        self.log = log
        course = RunCourse(spec, expecting: expectation)
        files = command.command.metrics.map(MetricsFileReader.init)
        publisher = CheckpointPublisher(
            command.command.checkpoints, spec: spec, folder: folder,
            workingFolder: command.workingFolder(of: spec, in: folder))
    }

    /// Returns after `ended` is written; throws where events cannot be written, with nothing left running.
    mutating func run() throws {
        let watch = FolderWatch(on: folder)
        guard access(folder.stop, F_OK) != 0 else { return try log.append(.ended(ending: .stopped)) }
        let child: ChildProcess
        do throws(SystemError) {
            child = try start()
        } catch {
            return try log.append(.ended(ending: error.asEnding))
        }
        do {
            for note in command.command.notes { try record(.note(text: note)) }
            let end = try follow(child, watch)
            try finish(after: end)
        } catch {
            child.signalGroup(SIGKILL)
            _ = Survivors.endDescendants()
            throw error
        }
    }

    private mutating func start() throws(SystemError) -> ChildProcess {
        let streams = command.streams
        let pipes = try streams.map { _ throws(SystemError) in try Pipe() }
        defer { for pipe in pipes { close(pipe.writing) } }
        for pipe in pipes { makeNonBlocking(pipe.reading) }
        sources = zip(streams, pipes).map { Source(stream: $0, descriptor: $1.reading) }
        var program = Program(command.command.arguments)
        program.executable = command.executable
        program.environment = command.environment(of: spec, in: folder)
        program.folder = command.workingFolder(of: spec, in: folder)
        (program.output, program.errors) = (pipes[0].writing, pipes[1].writing)
        program.further = pipes.dropFirst(2).map(\.writing)
        return try program.spawn()
    }

    private mutating func follow(_ child: ChildProcess, _ watch: borrowing FolderWatch) throws -> ProcessEnd {
        let childWatch = ProcessWatch(on: child)
        while true {
            waitForSomething([watch.descriptor, childWatch.descriptor])
            watch.forget()
            try readSources()
            try readFiles { $0.read() }
            try record(publisher.found())
            decideToStop()
            if let signal = ladder?.due(at: monotonicSeconds()) { child.signalGroup(signal) }
            if let end = reapAll().ends[child.pid] { return end }
        }
    }

    /// Takes what the ended trainer left: processes, output, checkpoints.
    private mutating func finish(after end: ProcessEnd) throws {
        let immortal = Survivors.endDescendants()
        try readSources()
        for index in sources.indices {
            if let line = sources[index].lines.finish() { try take(line, from: sources[index].stream) }
        }
        try readFiles { $0.finish() }
        try record(publisher.found())
        if end != .exit(0), TrialFolder.isOnFullDisk(folder.path) {
            course.stop(for: .fault(.node(reason: TrialFolder.fullDisk(of: folder.path))))
        }
        CheckpointFolder.removePartial(in: folder)
        if !immortal.isEmpty {
            try write(
                course.note("processes \(immortal.sorted()) hang in the kernel and could not be killed"))
        }
        try write(course.end(after: end))
    }
}

// MARK: - One turn of the loop

extension Supervisor {
    private func waitForSomething(_ watches: [Int32]) {
        let now = monotonicSeconds()
        let wait = min(Self.tick, ladder?.wait(at: now) ?? Self.tick)
        var polled = (sources.map(\.descriptor) + watches).map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        poll(&polled, nfds_t(polled.count), Int32((wait * 1000).rounded(.up)))
    }

    private mutating func readSources() throws {
        for index in sources.indices { try readSource(index) }
    }

    /// Reads at most 1 MiB (all that the largest pipe holds), so that a flood of output cannot keep the loop
    /// from its other duties.
    private mutating func readSource(_ index: Int) throws {
        for _ in 0..<16 where sources[index].descriptor >= 0 {
            let bytes: [UInt8]
            switch receive(sources[index].descriptor) {
            case .bytes(let some): bytes = some
            case .nothing: return
            case .end: return sources[index].end()
            }
            lastSign = monotonicSeconds()
            // A full disk loses log lines, not the run.
            if let log = sources[index].log { try? writeAll(bytes, to: log) }
            for line in sources[index].lines.take(bytes[...]) { try take(line, from: sources[index].stream) }
        }
    }

    private mutating func take(_ line: String, from stream: Source.Stream) throws {
        guard case .output(let stream) = stream else {
            let event = try? Lines.decode(RunEvent.self, from: Data(line.utf8))
            return try record(
                event ?? .note(text: "skipped what the trainer sent: it is too long to be an event"))
        }
        course.saw(line, from: stream)
        guard case .program = command, !course.isDecided else { return }
        try take(signals(line, stream))
    }

    /// What was written to metrics files. A program that reports there is not silent.
    private mutating func readFiles(_ read: (inout MetricsFileReader) -> [String]) throws {
        for index in files.indices {
            let lines = read(&files[index])
            if !lines.isEmpty { lastSign = monotonicSeconds() }
            for line in lines where !course.isDecided {
                try take(signals(line, .file(files[index].file.path)))
            }
        }
    }

    private mutating func take(_ signals: [Signal]) throws {
        for signal in signals {
            switch signal {
            case .report(let report): try record(.report(report: report))
            case .metrics(let metrics, let later): try write(course.take(metrics, stepsLater: later))
            case .note(let text): try record(.note(text: text))
            case .checkpoint(let step, let place): try record(publisher.publish(place, step: step))
            }
        }
    }

    private mutating func record(_ events: [RunEvent]) throws {
        for event in events { try record(event) }
    }

    private mutating func record(_ event: RunEvent) throws {
        try write(course.take(event))
    }

    private mutating func write(_ events: [RunEvent]) throws {
        for event in events { try log.append(event) }
    }

    private mutating func decideToStop() {
        let now = monotonicSeconds()
        if access(folder.stop, F_OK) == 0 {
            course.stop(for: .ordered)
        } else if let number = EndSignal.number {
            course.stop(for: .fault(.node(reason: "the plugin was told to end by signal \(number)")))
        } else if now - lastSign > spec.silenceSeconds {
            course.stop(for: .fault(.silent(seconds: spec.silenceSeconds)))
        }
        if let reason = course.stop, ladder == nil {
            ladder = command.ladder(for: reason, grace: spec.graceSeconds, now: now)
        }
    }
}

/// One of the trainer's streams.
struct Source {
    enum Stream {
        case output(OutputStream)
        /// `RunEvent`s of a `TrainingSession`.
        case session
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

    mutating func end() {
        close(descriptor)
        descriptor = -1
    }
}
