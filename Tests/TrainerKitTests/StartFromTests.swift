import FleetModel
import Testing
import Wire

@Suite struct StartFromTests {
    private func spec(_ start: RunSpec.Start, from folder: String?) throws -> RunSpec {
        RunSpec(
            key: RunKey(
                study: try #require(StudyID(rawValue: "s")),
                run: RunID(trial: TrialID(stage: 0, number: 0), attempt: 0)),
            plugin: "p", settings: .object([:]), assignment: [:], start: start, steps: 5, metric: "loss",
            seed: 1, slots: [], silenceSeconds: 1, graceSeconds: 1, baseFolder: "/studies", startFrom: folder)
    }

    @Test func `a fresh trial starts warm from the study's folder, which relative paths are below`() throws {
        #expect(try spec(.fresh, from: "base").startingAsTheStudy.start == .warm(from: "/studies/base"))
        #expect(try spec(.fresh, from: "/models/x").startingAsTheStudy.start == .warm(from: "/models/x"))
        let home = try #require(spec(.fresh, from: "~/x").startingAsTheStudy.startFrom)
        #expect(home.hasPrefix("/") && home.hasSuffix("/x") && !home.hasPrefix("/studies"))
    }

    @Test func `other starts stay, and a study without a folder begins with new models`() throws {
        #expect(try spec(.fresh, from: nil).startingAsTheStudy.start == .fresh)
        let warm = try spec(.warm(from: "/c"), from: "base").startingAsTheStudy
        #expect(warm.start == .warm(from: "/c"))
        #expect(warm.startFrom == "/studies/base")
        #expect(
            try spec(.resume(from: "/c", step: 3), from: "base").startingAsTheStudy.start
                == .resume(from: "/c", step: 3))
    }
}
