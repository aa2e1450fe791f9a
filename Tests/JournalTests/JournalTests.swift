import FleetModel
import Foundation
import Journal
import JournalStory
import StudyCore
import Testing

@Suite struct JournalTests {
    @Test(arguments: [0, 1, 10, 300, 6000])
    func `what is read back equals what was written`(steps: Int) throws {
        let place = try Place()
        let story = try place.told(steps: steps, batch: steps == 1 ? 1 : 10)
        #expect(story.count == steps)
        #expect(try Journal.open(at: place.path).restore().mark == story.engine.mark)
        #expect(try JournalReader(at: place.path).restore().mark == story.engine.mark)
    }

    @Test func `a journal that was opened again goes on where it stopped`() throws {
        let place = try Place()
        var story = try place.told(steps: 100)
        for _ in 0..<3 {
            let journal = try Journal.open(at: place.path)
            #expect(try journal.restore().mark == story.engine.mark)
            for _ in 0..<7 {
                try journal.append([story.next(), story.next()], engine: story.engine)
            }
        }
        #expect(try Journal.open(at: place.path).restore().mark == story.engine.mark)
        #expect(story.count == 142)
    }

    @Test func `a snapshot saves replaying, and is no part of the truth`() throws {
        let place = try Place()
        var story = try place.told(steps: 50)
        let journal = try Journal.open(at: place.path)
        try journal.snapshot(story.engine)
        try journal.append([story.next()], engine: story.engine)
        #expect(try journal.restore().mark == story.engine.mark)
        // A snapshot of another state shows that it is used at all.
        try journal.snapshot(Story.after(3).engine)
        #expect(throws: JournalError.self) {
            try journal.append([story.next()], engine: story.engine)
            _ = try journal.restore()
        }
    }

    @Test func `the reports of one trial come back in order, with what was no number`() throws {
        let place = try Place()
        var story = Story()
        var told: [Report] = []
        let journal = try Journal.create(at: place.path, engine: story.engine)
        for _ in 0..<300 {
            let step = story.next()
            if case .reported(let run, _, let report) = step.event.what,
                run.trial == TrialID(stage: 0, number: 0)
            {
                told.append(report)
            }
            try journal.append([step], engine: story.engine)
        }
        let read = try JournalReader(at: place.path).reports(of: TrialID(stage: 0, number: 0))
        #expect(read == told)
        #expect(read.count >= 5)
        #expect(try JournalReader(at: place.path).reports(of: TrialID(stage: 9, number: 0)).isEmpty)
    }

    @Test func `metrics of any name and size come back exactly`() throws {
        let place = try Place()
        var story = Story()
        let journal = try Journal.create(at: place.path, engine: story.engine)
        let run = RunID(trial: TrialID(stage: 0, number: 0), attempt: 0)
        while story.engine.trial(run.trial)?.runs.first?.offset != 100 {
            try journal.append([story.next()], engine: story.engine)
        }
        var engine = story.engine
        let numbers = [0.1, -0.0, 1e-320, 5e-324, 1.797e308, 123_456_789.123_456_78, 1, 1e15, 1e16, 1e22]
        let names = ["plain", "a \"quote\"", "back\\slash", "new\nline", "tab\t", "ä/日本", "\u{7}", ""]
        var told: [Report] = []
        for (index, name) in names.enumerated() {
            var metrics = Dictionary(
                uniqueKeysWithValues: numbers.map { ("\(name) \($0)", Reading($0)) })
            metrics[name] = .notFinite(.negativeInfinity)
            told.append(Report(step: index + 1, metrics: metrics))
            let event = Event(
                at: engine.now, .reported(run: run, end: 200 + index, report: told[index]))
            let effects = try engine.apply(event)
            try journal.append([Step(event: event, effects: effects)], engine: engine)
        }
        #expect(try JournalReader(at: place.path).reports(of: run.trial) == told)
        #expect(try journal.restore().mark == engine.mark)
    }

    @Test func `replaying stops at the step whose recorded effects the engine does not repeat`() throws {
        let place = try Place()
        var story = Story()
        let journal = try Journal.create(at: place.path, engine: story.engine)
        try journal.append([story.next(), story.next(), story.next()], engine: story.engine)
        try journal.append(
            [Step(event: story.next().event, effects: [.wake(at: Timestamp(seconds: 1))])],
            engine: story.engine)
        #expect(throws: JournalError.diverged(path: place.path, sequence: 4)) { try journal.restore() }
    }
}

@Suite struct RefusedFileTests {
    private func refusal(_ path: String) -> JournalError? {
        let byReader = #expect(throws: JournalError.self) { _ = try JournalReader(at: path) }
        let byWriter = #expect(throws: JournalError.self) { _ = try Journal.open(at: path) }
        #expect(byReader == byWriter)
        return byWriter
    }

    @Test func `a newer format is refused, with what to do`() throws {
        let place = try Place()
        try place.told(steps: 10)
        try place.patch(at: 60, 7)
        #expect(refusal(place.path) == .newerFormat(path: place.path, found: 7, known: 1))
        #expect(
            refusal(place.path)?.description
                == "\(place.path) has format 7, this coordinator reads up to format 1: install a newer iterhpo"
        )
    }

    @Test func `somebody else's database is refused and left alone`() throws {
        let place = try Place()
        try place.told(steps: 10)
        try place.patch(at: 68, 42)
        let before = try Data(contentsOf: URL(fileURLWithPath: place.path))
        #expect(refusal(place.path) == .notAJournal(path: place.path))
        #expect(try Data(contentsOf: URL(fileURLWithPath: place.path)) == before)
    }

    @Test(arguments: ["", "name: gpt\n", String(repeating: "no database at all\n", count: 1000)])
    func `a file of another kind is refused and left alone`(content: String) throws {
        let place = try Place()
        try content.write(toFile: place.path, atomically: true, encoding: .utf8)
        #expect(refusal(place.path) == .notAJournal(path: place.path))
        #expect(try String(contentsOfFile: place.path, encoding: .utf8) == content)
    }

    @Test func `where there is no file none is made`() throws {
        let place = try Place()
        #expect(refusal(place.path) == .missing(path: place.path))
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.folder.path).isEmpty)
    }

    @Test func `a study that is there is never written over`() throws {
        let place = try Place()
        let story = try place.told(steps: 10)
        #expect(throws: JournalError.self) { _ = try Journal.create(at: place.path, engine: Story().engine) }
        #expect(try Journal.open(at: place.path).restore().mark == story.engine.mark)
    }
}
