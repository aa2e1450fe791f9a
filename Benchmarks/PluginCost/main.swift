import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import TrainerKitTesting
import Wire

// What a plugin adds to a run: how much later the trainer begins than started by itself, and what following it
// takes of a core at 100 reports a second.
// Run: swift run -c release PluginCost [SECONDS]   (the plugins beside this program)

/// A trainer that tells when it began, on the clock of `monotonicSeconds`, and then reports 100 times a second.
enum Trainer: String, CaseIterable {
    case command, huggingface

    /// So many reports at once, and then a pause for as many.
    nonisolated(unsafe) static var burst = 1
    private var burst: Int { Self.burst }

    private func begin(_ note: String) -> String {
        switch self {
        case .command:
            """
            use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC); $| = 1;
            open(F, ">\(note)"); printf F "%.6f", clock_gettime(CLOCK_MONOTONIC); close(F);
            for my $s (1 .. $ARGV[0]) { print qq({"step": $s, "loss": 2}\\n); select(undef, undef, undef, 0.01) }
            """
        case .huggingface:
            """
            import time
            open("\(note)", "w").write("%.6f" % time.monotonic())
            """
        }
    }

    /// The program by itself.
    func words(_ note: String, _ reports: Int, _ script: String) -> [String] {
        switch self {
        case .command: ["perl", "-e", begin(note), "\(reports)"]
        case .huggingface: ["python3", script]
        }
    }

    /// Settings that make the plugin start the same program.
    func settings(_ note: String, _ reports: Int, _ script: String) throws -> JSON {
        switch self {
        case .command:
            return .object([
                "argv": .array(
                    words(note, reports, script).map {
                        .string($0.replacing("{", with: "{{").replacing("}", with: "}}"))
                    })
            ])
        case .huggingface:
            return .object(["script": .string(script), "python": .string("python3")])
        }
    }

    func writeScript(_ path: String, _ note: String) throws {
        try Data(begin(note).utf8).write(to: URL(filePath: path))
    }
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

/// CPU seconds that a process itself has used until now.
func cpuSeconds(of pid: Int32) -> Double {
    let text = String(decoding: contents("/proc/\(pid)/stat") ?? [], as: UTF8.self)
    let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
    guard fields.count > 12, let user = Double(fields[12]), let system = Double(fields[13]) else { return 0 }
    return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
}

func plugin(_ name: String) throws -> String {
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return own.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/" + name
}

/// Seconds from a start to the trainer's first act.
func delay(to note: String, of start: () throws -> Void) throws -> Double {
    unlink(note)
    let began = monotonicSeconds()
    try start()
    let text = String(decoding: contents(note) ?? [], as: UTF8.self)
    return (Double(text) ?? .nan) - began
}

func measureStart(_ trainer: Trainer) throws {
    let note = "/tmp/plugin-cost-\(getpid())"
    let script = note + ".py"
    try trainer.writeScript(script, note)
    defer { for file in [note, script] { unlink(file) } }
    let contract = TrainerContract(
        plugin: try plugin(trainer.rawValue), settings: try trainer.settings(note, 1, script))
    var (alone, within) = ([Double](), [Double]())
    for _ in 0..<30 {
        alone.append(try delay(to: note) { try Program(trainer.words(note, 1, script)).spawn().wait() })
        let run = try contract.rehearsal(steps: 1)
        within.append(try delay(to: note) { try run.run() })
    }
    let (raw, ours) = (median(alone) * 1_000, median(within) * 1_000)
    print(
        "\(trainer.rawValue): begins after \(round(ours * 10) / 10) ms, by itself \(round(raw * 10) / 10) ms")
}

func measureFollowing(seconds: Int) throws {
    let contract = TrainerContract(
        plugin: try plugin("command"), settings: try Trainer.command.settings("/dev/null", seconds * 150, ""))
    let run = try contract.rehearsal(steps: seconds * 150)
    var program = Program([try plugin("command"), "run", run.folder.path])
    program.leadsSession = true
    let child = try program.spawn()
    defer {
        child.signalGroup(SIGTERM)
        child.wait()
    }
    usleep(1_000_000)
    let (cpu, wall, count) = (cpuSeconds(of: child.pid), monotonicSeconds(), run.reports.count)
    usleep(UInt32(seconds) * 1_000_000)
    let share = (cpuSeconds(of: child.pid) - cpu) / (monotonicSeconds() - wall)
    let rate = Double(run.reports.count - count) / (monotonicSeconds() - wall)
    print(
        "command: \(round(share * 10_000) / 100) % of a core at \(Int(rate)) reports/s, \(Trainer.burst) at once"
    )
}

for trainer in Trainer.allCases { try measureStart(trainer) }
for burst in [1, 10] {
    Trainer.burst = burst
    try measureFollowing(seconds: CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 20)
}
