import ArgumentParser
import Foundation
import Search

/// `coordinator ask-tell`: the optimiser for clients in any language.
struct AskTell: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ask-tell",
        abstract: "Suggest parameters to a program of yours: one JSON object a line in, one out.",
        discussion: """
            Example: echo '{"ask":1}' | coordinator ask-tell --space space.json --sampler tpe
            """)

    @Option(help: "The space file: parameters, objectives, min_step and max_step, as JSON.")
    var space: String

    @Option(
        help:
            "How parameters are proposed: \(Choices.samplers.map(\.name).joined(separator: ", ")). Default: tpe."
    )
    var sampler: String?

    @Option(
        help:
            "How trials are stopped early: \(Choices.pruners.map(\.name).joined(separator: ", ")). Default: none."
    )
    var pruner: String?

    @Option(help: "The seed of all randomness. Default: drawn, and given in the reply to hello.")
    var seed: UInt64?

    @Option(
        help: ArgumentHelp(
            "An option of the sampler, as startup=10. Can be repeated.", valueName: "name=value"))
    var samplerOption: [String] = []

    @Option(
        help: ArgumentHelp("An option of the pruner, as eta=3. Can be repeated.", valueName: "name=value"))
    var prunerOption: [String] = []

    func run() throws {
        signal(SIGPIPE, SIG_IGN)
        let setup: AskTellSetup = try Failure.asUsage { try self.setup() }
        var session = AskTellSession(AskTellStudy(setup))
        var pump = LinePump(input: STDIN_FILENO, output: STDOUT_FILENO)
        do {
            try pump.run(&session)
        } catch is Disconnected {
            // The client left: nobody is there to be told.
            throw ExitCode(1)
        }
    }

    private func setup() throws -> AskTellSetup {
        let file = try spaceFile()
        // Below 2^53 every JSON reader keeps it whole.
        let seed = seed ?? UInt64.random(in: 0..<1 << 53)
        return try AskTellSetup(
            file: file,
            sampler: Chosen(
                "sampler", name: sampler ?? "tpe", options: samplerOption, among: Choices.samplers,
                .init(file: file, seed: seed)),
            pruner: Chosen(
                "pruner", name: pruner ?? "none", options: prunerOption, among: Choices.pruners,
                .init(file: file, seed: seed)),
            seed: seed)
    }

    private func spaceFile() throws -> SpaceFile {
        guard let bytes = FileManager.default.contents(atPath: space) else {
            throw Failure.usage("\(space): there is no such file, or it cannot be read")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure.usage("\(space): the file is not UTF-8")
        }
        do {
            return try SpaceFile(parsing: text)
        } catch {
            throw Failure.usage("\(space): \(error)")
        }
    }
}
