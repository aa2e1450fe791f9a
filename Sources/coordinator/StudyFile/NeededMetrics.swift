import FleetModel
import Search
import StudyCore
import Wire

extension Plan {
    /// Every metric that decides something in the study, with its place in the study file.
    var neededMetrics: [(name: String, place: [String])] {
        let listed = objectives.enumerated().map { index, objective in
            (
                objective.metric,
                further.isEmpty ? ["objective", "metric"] : ["objective", "\(index)", "metric"]
            )
        }
        let limited = bounds.enumerated().map { ($1.metric, ["limits", "\($0)"]) }
        return listed + limited + method.measured.map { ($0, ["method", "efficiency"]) }
    }
}

extension PluginVerdict {
    /// What the study needs and the plugin does not measure.
    func unmeasured(of plan: Plan) -> [Problem] {
        guard let metrics else { return [] }
        return plan.neededMetrics.filter { !metrics.contains($0.name) }.map { name, place in
            Problem(
                at: place, found: name,
                expected: "a metric that \(plan.trainer.plugin) measures under these settings: "
                    + metrics.joined(separator: ", "),
                nearest: nearestName(to: name, among: metrics))
        }
    }
}
