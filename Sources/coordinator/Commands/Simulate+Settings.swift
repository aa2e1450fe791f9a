import Search
import Simulation
import StudyCore

extension Simulate {
    /// One of the settings that are set side by side.
    struct Setting {
        let name: String
        let plan: Plan
    }

    /// Every pruner asked for with every number of trials at once.
    func settings(of plan: Plan) throws -> [Setting] {
        let pruners =
            try compare.map { try names($0, "--compare").map { try setting(plan, pruner: $0) } }
            ?? [Setting(name: "as written", plan: plan)]
        guard let parallel else { return pruners }
        let numbers = try names(parallel, "--parallel").map { text in
            guard let number = Int(text), number >= 1 else {
                throw Failure.usage(
                    "--parallel: found \(text), expected whole numbers of at least 1, such as 4,8,16")
            }
            return number
        }
        return pruners.flatMap { pruner in
            numbers.map { number in
                let prefix = compare == nil ? "" : "\(pruner.name), "
                return Setting(
                    name: "\(prefix)\(number) at once", plan: pruner.plan.changed(parallel: number))
            }
        }
    }

    /// The parts of a list; never empty.
    private func names(_ list: String, _ option: String) throws -> [String] {
        let parts = list.split(separator: ",", omittingEmptySubsequences: false).map {
            String($0).trimmingSpaces
        }
        var seen: Set<String> = []
        for part in parts {
            guard !part.isEmpty else {
                throw Failure.usage("\(option): found \"\(list)\", expected names or numbers between commas")
            }
            guard seen.insert(part).inserted else {
                throw Failure.usage("\(option): found \(part) twice, expected each once")
            }
        }
        return parts
    }

    private func setting(_ plan: Plan, pruner name: String) throws -> Setting {
        guard let pruner = PrunerKind(named: name, steps: plan.method.steps) else {
            throw Failure.usage(
                "--compare: found \(name), expected pruners among \(PrunerKind.comparable)")
        }
        // The file's own pruner keeps the options that it has there.
        return Setting(name: name, plan: name == plan.pruner.name ? plan : plan.changed(pruner: pruner))
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}

extension PrunerKind {
    fileprivate var name: String {
        switch self {
        case .off: "none"
        case .percentile(let pruner): pruner.percentile == 50 ? "median" : "percentile"
        case .threshold: "threshold"
        case .patience: "patience"
        case .asha, .paretoASHA: "asha"
        case .hyperband: "hyperband"
        case .ashaPromotion: "asha-promotion"
        case .population: "pbt"
        }
    }

    /// A threshold has no usual bound.
    fileprivate static let comparable = "none, asha, asha-promotion, hyperband, median, percentile, patience"

    /// With the options that a study file gives by default.
    fileprivate init?(named name: String, steps: Int) {
        switch name {
        case "none": self = .off
        case "asha": self = .asha(ASHAPruner(minStep: 1, maxStep: steps))
        case "hyperband": self = .hyperband(HyperbandPruner(minStep: 1, maxStep: steps))
        case "asha-promotion": self = .ashaPromotion(ASHAPromotion(minStep: 1, maxStep: steps))
        case "median": self = .percentile(.median())
        case "percentile": self = .percentile(PercentilePruner(percentile: 25))
        case "patience": self = .patience(PatiencePruner(patience: 3))
        default: return nil
        }
    }
}
