import FleetModel
import Foundation
import Search
import StudyCore
import Testing

@testable import coordinator

@Suite struct ScheduleTests {
    /// Three pieces of a falling learning rate and a rising batch.
    private static let text = ScheduleText(
        study: "planted-1",
        pieces: [(1, 100, 0.01, 32), (101, 200, 0.005, 32), (201, 300, 0.0025, 64)].map {
            SchedulePiece(
                firstStep: $0.0, lastStep: $0.1,
                params: [
                    "lr": .float($0.2), "batch_size": .int($0.3), "optimizer": .string("a\"b\\"),
                    "nesterov": .bool(true),
                ])
        }, lr: "lr", batchSize: "batch_size", sequenceLength: 1024)

    @Test(arguments: ScheduleText.Format.allCases)
    func `a schedule in the words of its follower`(format: ScheduleText.Format) throws {
        try Snapshot.expect(try Self.text.lines(as: format), equals: "schedule-\(format)")
    }

    @Test func `what a format needs and the study lacks is said`() {
        let bare = ScheduleText(
            study: "s", pieces: Self.text.pieces, lr: nil, batchSize: "batch_size", sequenceLength: 8)
        #expect(throws: ScheduleText.Missing.self) { try bare.lines(as: .huggingface) }
        let short = ScheduleText(
            study: "s", pieces: Self.text.pieces, lr: "lr", batchSize: "batch_size", sequenceLength: nil)
        #expect(throws: ScheduleText.Missing.self) { try short.lines(as: .megatron) }
        #expect(throws: Never.self) { try short.lines(as: .huggingface) }
    }

    @Test func `sequence lengths stand where trainers have them`() {
        #expect(ScheduleNames.sequenceLength(.object(["args": .object(["seq-length": .int(2048)])])) == 2048)
        #expect(ScheduleNames.sequenceLength(.object(["context": .int(64)])) == 64)
        #expect(ScheduleNames.sequenceLength(.object([:])) == nil)
        #expect(
            ScheduleNames.batchSize(["lr", "per_device_train_batch_size"]) == "per_device_train_batch_size")
    }

    /// Stages of 100 steps whose best lr falls as 0.1 · t^-0.5, t their middle.
    private static func planted(_ count: Int) throws -> (
        stages: [Schedule.Entry], laws: [ParameterLaw], Space
    ) {
        let space = try Space([
            Parameter("lr", .float(low: 1e-5, high: 1, scale: .log)),
            Parameter("mode", .categorical(choices: [.string("a"), .string("b")])),
        ])
        let entries = (0..<count).map { index in
            Schedule.Entry(
                stage: index, firstStep: index * 100 + 1, lastStep: (index + 1) * 100, trial: "\(index).0",
                value: 1,
                params: [
                    "lr": .float(0.1 / (Double(index) * 100 + 50.5).squareRoot()),
                    "mode": .string(index < 2 ? "a" : "b"),
                ])
        }
        let points = entries.map { entry in
            ParameterLaw.Point(
                stage: entry.stage, step: Double(entry.firstStep + entry.lastStep) / 2,
                value: entry.params["lr"]!.number!, cells: 1)
        }
        return (entries, [ParameterLaw(of: "lr", points, span: 100)], space)
    }

    @Test func `the smooth course follows a law where there is one, beyond the study too`() throws {
        let (stages, laws, space) = try Self.planted(6)
        #expect(laws[0].verdict == "power_law")
        #expect(abs(try #require(laws[0].exponent) + 0.5) < 1e-9)
        let course = ScheduleCourse(space: space, stages: stages, laws: laws)
        let pieces = course.smooth(until: 1200, pieces: 12)
        #expect(pieces.map(\.firstStep) == (0..<12).map { $0 * 100 + 1 })
        for piece in pieces {
            let middle = Double(piece.firstStep + piece.lastStep) / 2
            #expect(abs(piece.params["lr"]!.number! * middle.squareRoot() / 0.1 - 1) < 1e-9)
        }
        #expect(pieces.map { $0.params["mode"]! == .string("a") }.prefix(3) == [true, true, false])
        let next = try #require(laws[0].next)
        #expect(next.low < next.value && next.value < next.high)
    }

    @Test func `without evidence the smooth course joins what was found`() throws {
        let (stages, laws, space) = try Self.planted(3)
        #expect(laws[0].verdict == "not_enough_evidence" && laws[0].next == nil)
        let course = ScheduleCourse(space: space, stages: stages, laws: laws)
        let rates = course.smooth(until: 300, pieces: 300).map { $0.params["lr"]!.number! }
        #expect(rates[0] == stages[0].params["lr"]!.number!)
        #expect(abs(rates[149] / stages[1].params["lr"]!.number! - 1) < 0.01)
        #expect(abs(rates[299] / stages[2].params["lr"]!.number! - 1) < 1e-9)
        #expect(zip(rates, rates.dropFirst()).allSatisfy { $0 >= $1 })
    }

    @Test func `a law is drawn for the terminal`() throws {
        try Snapshot.expect(try #require(LawPlot.lines(try Self.planted(6).laws[0])), equals: "law-plot")
        #expect(LawPlot.lines(try Self.planted(2).laws[0]) == nil)
    }
}

/// Texts that are compared with the files in `Snapshots`.
enum Snapshot {
    static func expect(_ lines: [String], equals name: String) throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "Snapshots/\(name).txt")
        let text = lines.joined(separator: "\n") + "\n"
        if ProcessInfo.processInfo.environment["HPO_ACCEPT_SNAPSHOTS"] == "1" {
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        let accepted = try? String(contentsOf: file, encoding: .utf8)
        #expect(text == accepted, "differs from \(file.lastPathComponent)")
    }
}
