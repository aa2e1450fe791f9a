import ArgumentParser
import Foundation
import Journal
import StudyCore

/// `coordinator report`: a study on one page.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Write a study's report: one HTML file with pictures, for any browser, without a network.",
        discussion: """
            Example: coordinator report quickstart

            The page has a summary, the losses of all stages with the chosen path, each stage's map of learning \
            rate and batch size, the power laws, what matters, where the time went, and every trial. It can be \
            written at any time, also while the study runs.
            """)

    @OptionGroup var options: StudyOptions

    @Option(help: "The file to write. Default: report.html in the study's folder.")
    var to: String?

    func run() throws {
        let folder = try options.existingFolder()
        let path = to.map { URL(fileURLWithPath: $0).path } ?? folder.path + "/report.html"
        do {
            let journal = try JournalReader(at: folder.journal)
            let record = try StudyRecord(engine: journal.restore(), journal: journal, now: .wallClock)
            try Data(ReportPage(of: record).html.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw Failure.failed("the report could not be written: \(Text.fault(error))")
        }
        print(path)
    }
}

/// `coordinator importance`: which parameters matter.
struct ImportanceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "importance",
        abstract: "Show how much each parameter explains of what makes trials good.",
        discussion: """
            Example: coordinator importance quickstart --json

            By PED-ANOVA (Watanabe et al. 2023), from the completed trials of each stage, at least four of them. \
            It tells where to look, rather than by how much, and sees no interaction.
            """)

    @OptionGroup var options: StudyOptions
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let importance = Importance(of: try options.engine())
        if json { return try ResultsJSON.print(importance) }
        guard !importance.parameters.isEmpty else {
            throw Failure.failed(
                "\(importance.study): too few trials have completed to tell what matters; a stage needs four, "
                    + "and not all equally good")
        }
        let rows = importance.parameters.map { entry in
            [entry.parameter, Text.bar(entry.share, width: 30), "\(Int((entry.share * 100).rounded())) %"]
        }
        print(Text.table(rows).joined(separator: "\n"))
    }
}
