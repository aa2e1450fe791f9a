import BusyStudy
import Foundation
import Journal
import StudyCore

/// A study of a million reports: its size, and how long starting again takes.
enum Million {
    private static let reports = 1_000_000

    static func measure(in folder: String) throws {
        let path = freshFile("million", in: folder)
        let took = try seconds { try write(path) }
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

    private static func write(_ path: String) throws {
        var study = BusyStudy()
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
