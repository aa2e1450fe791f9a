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
    private let base: Plan
    /// As the study has it so far.
    let recorded: Plan
    private let plan: Plan
    private let overrides: [Override]
    private let isNew: Bool

    init(_ options: ChangeOptions, to file: String, begun: Engine?, local: LocalNodeOptions) throws {
        let before = begun?.overrides ?? []
        base = try CheckedStudy(at: file, plugins: local.pluginFolder, overriding: before)
            .plan(goingOnFrom: begun?.plan)
        var wanted = try options.overrides.reduce(before) { all, text in
            all.with(try Failure.asUsage { try Override(parsing: text) })
        }
        if let stages = options.stages {
            wanted = wanted.with(try Self.stages(stages, in: begun?.plan ?? base))
        }
        try Self.check(wanted, for: base)
        overrides = wanted
        let asked =
            wanted == before
            ? base
            : try CheckedStudy(at: file, plugins: local.pluginFolder, overriding: wanted)
                .plan(goingOnFrom: begun?.plan)
        plan = asked
        if let begun, begun.plan.isSweep(differingInListFrom: base) {
            // A list may be edited at any time: what was tried is not tried again.
            (recorded, isNew) = (begun.plan, true)
        } else {
            (recorded, isNew) = (base, wanted != before)
        }
    }

    /// A trial's steps are part of a method's design, but where trials stand for themselves.
    private static func check(_ wanted: [Override], for plan: Plan) throws {
        guard wanted.contains(where: { $0.path.starts(with: ["method"]) && $0.path != ["method", "stages"] })
        else { return }
        guard case .growth = plan.method else {
            throw Failure.usage("--override method.…: of the method only `method.stages` can change")
        }
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

extension Plan {
    /// Both are sweeps, and nothing differs but their lists.
    fileprivate func isSweep(differingInListFrom other: Plan) -> Bool {
        guard case .sweep(let mine) = method, case .sweep(let theirs) = other.method,
            mine.steps == theirs.steps,
            let difference = PlanDifference(recorded: self, file: other)
        else { return false }
        return Set(difference.parts).isSubset(of: ["space", "method"])
    }
}
