import ArgumentParser
import Foundation
import Journal
import Search
import Spawn

/// `coordinator ask-tell`: the optimiser for clients in any language.
struct AskTell: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ask-tell",
        abstract: "Suggest parameters to a program of yours: one JSON object a line in, one out.",
        discussion: """
            Example: printf '{"ask":1}\\n{"tell":0,"value":0.5}\\n' | coordinator ask-tell --space space.json

            With --storage what a reply says is on disk before it is written, and starting again goes on: with \
            the space, sampler, pruner, options and seed that the study was begun with. They need not be given \
            again; given differently, they are refused.
            """)

    @Option(help: ArgumentHelp("Parameters, objectives, min_step and max_step, as JSON.", valueName: "file"))
    var space: String

    @Option(help: "How parameters are proposed: \(Choices.samplerNames). Default: tpe.")
    var sampler: String?

    @Option(help: "How trials are stopped early: \(Choices.prunerNames). Default: none.")
    var pruner: String?

    @Option(help: "Where all randomness comes from. Default: drawn, and given in the reply to hello.")
    var seed: UInt64?

    @Option(
        help: ArgumentHelp("An option of the sampler, as startup=10. Repeatable.", valueName: "name=value"))
    var samplerOption: [String] = []

    @Option(help: ArgumentHelp("An option of the pruner, as eta=3. Repeatable.", valueName: "name=value"))
    var prunerOption: [String] = []

    @Option(
        help: ArgumentHelp("Keep the study in this SQLite file, made where there is none.", valueName: "path")
    )
    var storage: String?

    @Option(help: "The study in that file. Default: default.")
    var study: String?

    func validate() throws {
        if study != nil, storage == nil { throw ValidationError("--study goes with --storage") }
        if study == "" { throw ValidationError("--study: a study has a name") }
    }

    func run() throws {
        // A client that leaves is seen by the write that fails.
        signal(SIGPIPE, SIG_IGN)
        var session = try session()
        var pump = LinePump(input: STDIN_FILENO, output: STDOUT_FILENO)
        do {
            try pump.run(&session)
        } catch let lost as Disconnected {
            throw Failure.disconnected(lost)
        } catch {
            throw Failure.failed("\(error)")
        }
    }

    private func session() throws -> AskTellSession {
        let file = try Failure.asUsage { try spaceFile() }
        guard let store = try store() else {
            return AskTellSession(AskTellStudy(try Failure.asUsage { try self.setup(file) }))
        }
        let setup: AskTellSetup = try Failure.asUsage {
            guard let begun = store.setup else { return try self.setup(file) }
            return try self.setup(file, goingOn: StoredSetup(begun))
        }
        do {
            if store.setup == nil { try store.begin(setup: setup.text) }
            return AskTellSession(try AskTellStudy(setup, restoredFrom: store), store: store)
        } catch {
            throw Failure.failed("\(error)")
        }
    }

    private func spaceFile() throws -> SpaceFile {
        guard let bytes = contents(space) else {
            throw BadOption("\(space): it cannot be read: \(String(cString: strerror(errno)))")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw BadOption("\(space): the file is not UTF-8")
        }
        do {
            return try SpaceFile(parsing: text)
        } catch {
            throw BadOption("\(space): \(error)")
        }
    }

    private func store() throws -> AskTellStore? {
        guard let storage else { return nil }
        do throws(JournalError) {
            return try AskTellStore.open(at: storage, study: study ?? "default")
        } catch {
            switch error {
            case .inUse, .locked, .diskFull: throw Failure.failed("\(error)")
            default: throw Failure.usage("\(error)")
            }
        }
    }
}

extension Failure {
    /// A client that left needs no word.
    fileprivate static func disconnected(_ lost: Disconnected) -> ExitCode {
        guard lost.errno != EPIPE, lost.errno != ECONNRESET else { return ExitCode(1) }
        let problem = String(cString: strerror(lost.errno))
        return failed(
            lost.isReading
                ? "requests could not be read from stdin: \(problem)"
                : "replies could not be written to stdout: \(problem)")
    }
}

// MARK: what the study is made of

extension AskTell {
    private func setup(_ file: SpaceFile) throws -> AskTellSetup {
        // Below 2^53 every JSON reader keeps it whole.
        try AskTellSetup(
            file, sampler: sampler ?? "tpe", samplerOptions: samplerOption, pruner: pruner ?? "none",
            prunerOptions: prunerOption, seed: seed ?? UInt64.random(in: 0..<1 << 53))
    }

    /// The setup that the study was begun with.
    /// - Throws: where it is asked to be another one.
    private func setup(_ file: SpaceFile, goingOn stored: StoredSetup) throws -> AskTellSetup {
        if let difference = file.difference(from: stored.file) {
            throw other("\(space)", difference)
        }
        if let seed, seed != stored.seed { throw other("--seed \(seed)", "its seed is \(stored.seed)") }
        if let sampler, sampler != stored.sampler.name {
            throw other("--sampler \(sampler)", "its sampler is \(stored.sampler.name)")
        }
        if let pruner, pruner != stored.pruner.name {
            throw other("--pruner \(pruner)", "its pruner is \(stored.pruner.name)")
        }
        let setup = try AskTellSetup(
            file, sampler: stored.sampler.name, samplerOptions: stored.sampler.words + samplerOption,
            pruner: stored.pruner.name, prunerOptions: stored.pruner.words + prunerOption, seed: stored.seed)
        if setup.sampler.options != stored.sampler.options {
            let begun = stored.sampler.words.joined(separator: ", ")
            throw other(
                "--sampler-option \(samplerOption.joined(separator: ", "))", "its options are \(begun)")
        }
        if setup.pruner.options != stored.pruner.options {
            let begun = stored.pruner.words.joined(separator: ", ")
            throw other("--pruner-option \(prunerOption.joined(separator: ", "))", "its options are \(begun)")
        }
        return setup
    }

    private func other(_ given: String, _ difference: String) -> BadOption {
        BadOption(
            "\(given) is not what study \(study ?? "default") in \(storage ?? "") was begun with: "
                + "\(difference). Give what it was begun with, or another --study")
    }
}
