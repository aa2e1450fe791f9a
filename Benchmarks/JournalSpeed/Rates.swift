import BusyStudy
import Foundation
import Journal
import StudyCore

/// Durable reports a second, the engine's decision included.
enum Rates {
    private static let batches = [(batch: 1, reports: 1_000), (10, 10_000), (100, 100_000), (1000, 200_000)]

    static func measure(in folder: String) throws {
        var study = BusyStudy()
        let alone = seconds { for _ in 0..<200_000 { _ = study.next() } }
        print("decisions only, nothing written   \(Int(200_000 / alone)) reports/s")
        for (batch, reports) in batches {
            let took = try write(reports, batch, freshFile("rates", in: folder))
            print("durable, batches of \(batch)\t\t  \(Int(Double(reports) / took)) reports/s")
        }
    }

    private static func write(_ reports: Int, _ batch: Int, _ path: String) throws -> Double {
        var study = BusyStudy()
        let journal = try Journal.create(at: path, engine: study.engine)
        try journal.append(study.next(2), engine: study.engine)
        return try seconds {
            for _ in 0..<reports / batch {
                try journal.append(study.next(batch), engine: study.engine)
            }
        }
    }
}
