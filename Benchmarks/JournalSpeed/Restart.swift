import BusyStudy
import Foundation
import Journal
import StudyCore

/// The size of a journal, and how long starting again takes.
enum Restart {
    /// A million reports of a few hundred long trials.
    static func million(in folder: String) throws {
        try measure(BusyStudy(), reports: 1_000_000, in: folder)
    }

    /// Over ten thousand short trials.
    static func trials(in folder: String) throws {
        try measure(
            BusyStudy(trials: 1_000_000, steps: 30, firstRung: 3, slots: 8), reports: 200_000, in: folder)
    }

    private static func measure(_ study: BusyStudy, reports: Int, in folder: String) throws {
        let path = freshFile("restart", in: folder)
        let took = try seconds { try write(study, reports, path) }
        let bytes = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
        print("written in batches of 1000        \(Int(Double(reports) / took)) reports/s")
        print("size                              \(bytes / reports) bytes/report, \(bytes >> 20) MiB")
        // A process of its own, so that its memory is what starting again takes.
        let child = Process()
        child.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        child.arguments = ["restore", path]
        try child.run()
        child.waitUntilExit()
    }

    private static func write(_ study: BusyStudy, _ reports: Int, _ path: String) throws {
        var study = study
        let journal = try Journal.create(at: path, engine: study.engine)
        for _ in 0..<reports / 1000 {
            try journal.append(study.next(1000), engine: study.engine)
        }
    }

    static func restore(_ path: String) throws {
        var trials = 0
        let took = try seconds {
            trials = try Journal.open(at: path).restore().trials.count
        }
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let peak = status.split(separator: "\n").first { $0.hasPrefix("VmHWM") } ?? ""
        print("started again, \(trials) trials          \(Int(took * 1000)) ms, peak \(peak)")
    }
}
