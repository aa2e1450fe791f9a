import FleetModel
import FoundationEssentials
import Testing

@testable import Wire
@testable import command

/// What is written and read by hand must be what the encoder and the decoders make of it.
@Suite struct LineTests {
    private static let letters =
        Array("abc_/. ,:{}[]\"\\'é漢｡🚀\u{0}\u{1}\u{8}\u{9}\u{a}\u{b}\u{c}\u{d}\u{1f}\u{7f}\u{301}\u{2028}")
        .map(
            String.init)
    private static let numbers: [Double] = [
        0, -0.0, 1, -1, 0.1, 2.5178, 1e15, 1e16, 123_456_789.125, 1e300, -1e300, 9_007_199_254_740_994,
        .leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude, .nan, .infinity, -.infinity,
    ]

    private func report(_ random: inout SeededGenerator) -> Report {
        var metrics: [String: Reading] = [:]
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            let name = (0..<Int.random(in: 0...8, using: &random)).map { _ in
                Self.letters.randomElement(using: &random)!
            }.joined()
            let number =
                switch Int.random(in: 0..<3, using: &random) {
                case 0: Self.numbers.randomElement(using: &random)!
                case 1: Double(bitPattern: random.next())
                default: (random.unit() * 1e7).rounded() / 1e4
                }
            metrics[name] = Reading(number)
        }
        return Report(step: Int.random(in: -5...10_000_000, using: &random), metrics: metrics)
    }

    @Test func `a report's line is the encoder's, byte for byte, and reads as the decoder reads it`() throws {
        var random = SeededGenerator(seed: 1)
        var byHand = 0
        for _ in 0..<5_000 {
            let event = RunEvent.report(report: report(&random))
            let line = try Lines.encode(event)
            #expect(line == (try Lines.encoded(event)), "\(event)")
            let bare = line.dropLast()
            if bare.withUnsafeBytes({ Report(line: $0) }) != nil { byHand += 1 }
            #expect(try Lines.decode(RunEvent.self, from: bare) == event)
        }
        #expect(byHand > 1_000)
    }

    @Test func `a line that is cut or damaged reads as the decoder reads it`() throws {
        var random = SeededGenerator(seed: 2)
        for _ in 0..<5_000 {
            var line = try Lines.encode(RunEvent.report(report: report(&random)))
            let place = Int.random(in: 0..<line.count, using: &random)
            if random.unit() < 0.3 {
                line = line.prefix(place)
            } else {
                line[place] = UInt8.random(in: 0...255, using: &random)
            }
            guard let found = line.withUnsafeBytes({ Report(line: $0) }) else { continue }
            #expect(try Lines.decoded(RunEvent.self, from: line) == .report(report: found), "\(Array(line))")
        }
    }

    /// A value as some program may print it.
    private func value(_ random: inout SeededGenerator) -> String {
        let odd = [
            "null", "true", "\"nan\"", "\"-inf\"", "\"2.5\"", "NaN", "-Infinity", "+1", ".5", "5.", "01",
            "-0",
            "0x10", "1e400", "1e-400", "4e-320", "1E+5", "{\"a\":1}", "[1,2]", "\"a\\\"b\"", "'x'", "-", "1e",
            "",
            "123456789012345678901234567890", "0.1234567890123456789", "nul", "\"\u{1}\"",
        ]
        return switch Int.random(in: 0..<4, using: &random) {
        case 0: odd.randomElement(using: &random)!
        case 1: "\(Double(bitPattern: random.next()))"
        case 2: "\(Int(truncatingIfNeeded: random.next()))"
        default: "\((random.unit() * 1e9).rounded() / 1e5)"
        }
    }

    @Test func `numbers of a printed object are the decoder's wherever they are read by hand`() {
        var random = SeededGenerator(seed: 3)
        var byHand = 0
        for _ in 0..<20_000 {
            let names = ["step", "loss", "val/loss", "ü", "", "a b"]
            let members = (0..<Int.random(in: 0...4, using: &random)).map { _ in
                let space = random.unit() < 0.5 ? " " : ""
                return "\"\(names.randomElement(using: &random)!)\":\(space)\(value(&random))"
            }
            let end = random.unit() < 0.1 ? ["", ",}", "} x", "}\t "].randomElement(using: &random)! : "}"
            let line = "{" + members.joined(separator: random.unit() < 0.5 ? ", " : ",") + end
            guard let plain = JSONMetrics.plain(line) else { continue }
            byHand += 1
            let any = JSONMetrics.any(line)
            #expect(plain.mapValues { Reading($0) } == any?.mapValues { Reading($0) }, "\(line)")
            #expect(plain.mapValues(\.sign) == any?.mapValues(\.sign), "\(line)")
        }
        #expect(byHand > 5_000)
    }

    @Test func `the lines that programs print are read by hand`() {
        let line = #"{"step": 10, "loss": 2.5178, "lr": 3e-4, "tok/s": 48123.5, "grad": "nan", "val": null}"#
        #expect(JSONMetrics.plain(line)?.count == 5)
        #expect(JSONMetrics.plain(#"{"step": 10, "step": 11}"#) == nil)
    }
}
