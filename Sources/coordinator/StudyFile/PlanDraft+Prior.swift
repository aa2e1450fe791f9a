import FleetModel
import Foundation
import Journal
import Search
import StudyCore
import TrainerKit

/// `prior` of a study file: a published law, or a study that is finished.
extension PlanDraft {
    static func prior(
        _ file: inout SettingsReader, for space: Space?, _ trainer: TrainerPlan?, _ method: Method?
    ) -> Prior? {
        let laws = ScalingLaw.allCases.map(\.rawValue)
        guard let json = file.value("prior") else { return nil }
        switch json {
        case .object:
            return file.nested("prior") { prior in
                let law = ScalingLaw(rawValue: prior.choice("law", among: laws))
                let run = RunSize(
                    parameters: prior.double("parameters", in: 1...),
                    tokens: prior.double("tokens", in: 1...),
                    sequenceLength: prior.optionalInt("sequence_length", in: 1...)
                        ?? trainer.flatMap { ScheduleNames.sequenceLength($0.settings) })
                guard let law, let space else { return nil }
                return self.prior(law, run, space, &prior, at: [])
            } ?? nil
        case .string(let name):
            guard let space, let trainer, let method else { return nil }
            guard let law = ScalingLaw(rawValue: name) else {
                return study(named: name, for: space, &file, nearest: nearestName(to: name, among: laws))
            }
            guard let run = RunSize(guessedFrom: trainer.settings, space, method) else {
                file.complain(
                    at: ["prior"], found: "\(name), and a model whose size the settings do not say",
                    expected: "{ law: \(name), parameters: 350e6, tokens: 7e9, sequence_length: 2048 }")
                return nil
            }
            return prior(law, run, space, &file, at: ["prior"])
        default:
            file.complain(
                at: ["prior"], found: json.kind,
                expected: "\(laws.joined(separator: ", ")) or the folder of a finished study")
            return nil
        }
    }

    /// The law's point, and half and twice its learning rate.
    private static func prior(
        _ law: ScalingLaw, _ run: RunSize, _ space: Space, _ file: inout SettingsReader, at path: [String]
    ) -> Prior? {
        let names = space.parameters.filter { $0.domain.lowest != nil }.map(\.name)
        let (rate, batch) = (ScheduleNames.rate(names), ScheduleNames.batchSize(names))
        guard rate != nil || batch != nil else {
            file.complain(
                at: path, found: "a space without a learning rate and a batch size",
                expected: "a parameter lr or batch_size for \(law.rawValue) to speak of")
            return nil
        }
        let peak = law.peak(parameters: run.parameters, tokens: run.tokens)
        var wanted: [String: Double] = [:]
        if let batch, let length = run.sequenceLength { wanted[batch] = peak.batchTokens / Double(length) }
        let points = (rate == nil ? [1.0] : [1, 0.5, 2]).map { share in
            if let rate { wanted[rate] = peak.rate * share }
            return space.middle(with: wanted)
        }
        let source =
            "\(law.source): peak learning rate \(Text.number(peak.rate, digits: 3)) and "
            + "\(Text.number(peak.batchTokens, digits: 3)) tokens a batch for a whole run of "
            + "\(Text.number(run.parameters, digits: 3)) parameters and \(Text.number(run.tokens, digits: 3)) tokens"
        return allowed(points, from: source, in: space, &file, at: path)
    }

    /// The first stage's best of another study, and the middle of its good trials.
    private static func study(
        named name: String, for space: Space, _ file: inout SettingsReader, nearest: String?
    ) -> Prior? {
        let folder = URL(fileURLWithPath: name, relativeTo: URL(fileURLWithPath: file.baseFolder + "/")).path
        guard FileManager.default.fileExists(atPath: folder + "/study.sqlite") else {
            file.complain(
                at: ["prior"], found: "\(name), and no study in \(folder)",
                expected: "step_law, deepseek or the folder of a finished study", nearest: nearest)
            return nil
        }
        guard let engine = try? JournalReader(at: folder + "/study.sqlite").restore(),
            let first = engine.closedStages.first
        else {
            file.complain(
                at: ["prior"], found: "study \(name), of which no stage is finished",
                expected: "a study whose first stage is finished")
            return nil
        }
        let best = first.best.assignment.compactMapValues(\.number)
        let middle = best.merging(
            best.keys.compactMap { name in first.optimum(of: name).map { (name, $0.value) } }
        ) { $1 }
        let points = [best, middle].map { space.middle(with: $0) }
        return allowed(
            points, from: "the first stage of study \(engine.study)", in: space, &file, at: ["prior"])
    }

    private static func allowed(
        _ points: [Assignment], from source: String, in space: Space, _ file: inout SettingsReader,
        at path: [String]
    ) -> Prior? {
        var kept: [Assignment] = []
        for point in points where space.problem(with: point) == nil && !kept.contains(point) {
            kept.append(point)
        }
        guard kept.isEmpty else { return Prior(source: source, points: kept) }
        file.complain(
            at: path, found: "a prior whose points the constraints forbid",
            expected: "constraints that allow \(Text.assignment(points[0]))")
        return nil
    }
}

/// How large a whole run is.
private struct RunSize {
    /// Without embeddings.
    let parameters: Double
    let tokens: Double
    /// Tokens of a sample; nil: unknown, and with it what a batch size in tokens means.
    let sequenceLength: Int?

    init(parameters: Double, tokens: Double, sequenceLength: Int?) {
        self.parameters = parameters
        self.tokens = tokens
        self.sequenceLength = sequenceLength
    }

    /// From the layers and width of a transformer, which has about 12 · layers · width² parameters beside its
    /// embeddings, and the steps of all stages at the middle of the batch sizes. nil where some are not said.
    init?(guessedFrom settings: JSON, _ space: Space, _ method: Method) {
        let args = settings["args"]
        let layers = [args?["num-layers"], settings["layers"], settings["num_layers"]].firstInt
        let width = [args?["hidden-size"], settings["width"], settings["hidden_size"]].firstInt
        guard let layers, let width, let length = ScheduleNames.sequenceLength(settings) else { return nil }
        let names = space.parameters.map(\.name)
        let batch =
            ScheduleNames.batchSize(names).flatMap { space.middle()[$0]?.number }
            ?? [settings["batch_size"], args?["global-batch-size"]].firstInt.map(Double.init)
        guard let batch else { return nil }
        parameters = 12 * Double(layers) * Double(width) * Double(width)
        tokens = Double(method.stageCount) * Double(method.steps) * batch * Double(length)
        sequenceLength = length
    }
}

extension [JSON?] {
    /// The first that is a whole number above 0.
    fileprivate var firstInt: Int? {
        for case .int(let number)? in self where number > 0 { return number }
        return nil
    }
}
