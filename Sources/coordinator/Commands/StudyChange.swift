import ArgumentParser
import FleetModel
import StudyCore

/// How a study is to go on otherwise than its file says.
struct ChangeOptions: ParsableArguments {
    @Option(help: "How many stages: a number, or so many more as +2.")
    var stages: String?

    @Option(
        name: .customLong("override"), parsing: .singleValue,
        help: "Another value from now on, as budget.gpu_hours=40; may be given several times.")
    var overrides: [String] = []
}

/// The plan that a study has, and the one that it is to have from now on.
struct StudyChange {
    /// The study file with the overrides so far.
    let base: Plan
    private let plan: Plan
    private let overrides: [Override]
    private let isNew: Bool

    init(_ options: ChangeOptions, to file: String, begun: Engine?, local: LocalNodeOptions) throws {
        let before = begun?.overrides ?? []
        base = try CheckedStudy(at: file, plugins: local.pluginFolder, overriding: before).plan
        var wanted = try options.overrides.reduce(before) { all, text in
            all.with(try Failure.asUsage { try Override(parsing: text) })
        }
        if let stages = options.stages {
            wanted = wanted.with(try Self.stages(stages, in: begun?.plan ?? base))
        }
        isNew = wanted != before
        overrides = wanted
        plan =
            isNew ? try CheckedStudy(at: file, plugins: local.pluginFolder, overriding: wanted).plan : base
    }

    /// What the study's engine is told.
    var happenings: [Happening] { isNew ? [.replanned(plan, overrides: overrides)] : [] }

    private static func stages(_ text: String, in plan: Plan) throws -> Override {
        guard case .stages(let method) = plan.method else {
            throw Failure.usage("--stages \(text): this study has no stages; its method is another")
        }
        guard let number = Int(text), number > 0, number < 1_000_000 else {
            throw Failure.usage("--stages \(text): expected a whole number above 0, or so many more as +2")
        }
        let count = text.hasPrefix("+") ? method.stages + number : number
        return Override(path: ["method", "stages"], value: .int(count))
    }
}
