import FleetModel
import FoundationEssentials
import Testing
import TrainerKit
import TrainerKitTesting
import Wire

@Suite struct MeasuringTests {
    @Test func `files take whole blocks of 4 KiB`() {
        #expect(DiskSize.mib(ofFiles: []) == 0)
        #expect(DiskSize.mib(ofFiles: [0, 1, 4096, 4097]) == 0.015625)
        #expect(DiskSize.mib(ofFiles: [700, 1 << 20]) == DiskSize.mib(ofFiles: [720, 1 << 20]))
    }

    @Test func `the peak of memory is read from the kernel's table, and only where it is whole`() throws {
        let table = "Name:\tnative\nVmPeak:\t  9000 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 1024 kB\n"
        #expect(ProcessMemory.peakMiB(inStatus: table) == 2)
        for damaged in ["", "VmHWM:", "VmHWM:\t2048", "VmHWM:\tmany kB", "VmHWM:\t2048 MB"] {
            #expect(ProcessMemory.peakMiB(inStatus: damaged) == nil)
        }
        #expect(try #require(ProcessMemory.peakMiB) > 1)
    }

    @Test func `a published checkpoint's size is in the reports after it, and in that of its last step`()
        throws
    {
        let padding: [String: JSON] = [
            "checkpoint_bytes": .int(1 << 20), "report_every": .int(1), "checkpoint_every": .int(4),
        ]
        let run = try TrainerContract.scripted(padding).rehearsal(steps: 8)
        try run.run()
        #expect(run.ending == .completed)
        // 1 MiB of weights and a block of counters.
        let size = Reading.value(1 + 4096 / 1_048_576)
        for report in run.reports {
            #expect(report.metrics["checkpoint_mib"] == (report.step > 4 ? size : nil), "\(report)")
        }
        #expect(run.reports.map(\.step) == Array(1...8))
    }

    @Test func `a plugin says what it measures, where that can be known`() throws {
        #expect(try verdict(.scripted()).metrics == nil)
        #expect(try verdict(.perl("", settings: [:])).metrics == nil)
        let patterns: JSON = .object([
            "regex": .array([
                .string(#"step (?<step>\d+) loss (?<loss>\S+)"#), .string(#"(?:took) ms (?<ms>\S+)"#),
            ]),
            "names": .object(["ms": .string("inference_ms")]),
        ])
        #expect(try verdict(.perl("", settings: ["metrics": patterns])).metrics == ["inference_ms", "loss"])
    }

    private func verdict(_ contract: TrainerContract) throws -> PluginVerdict {
        try contract.verdict(settings: contract.settings)
    }
}
