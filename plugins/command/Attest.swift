import FleetModel
import TrainerKit
import Wire

/// `attest: { learning_rate: "{lr}", global_batch_size: "{batch_size}", schedule: constant }`: what the
/// program's metrics of those names must be.
struct AttestSettings: Sendable {
    private let learningRate: Template?
    private let batchSize: Template?
    private let isConstant: Bool

    init(_ settings: inout SettingsReader) {
        func template(_ name: String) -> Template? {
            guard settings.has(name) else { return nil }
            return Template(settings.value(name)?.scalarText ?? "", at: [name], &settings)
        }
        learningRate = template("learning_rate")
        batchSize = template("global_batch_size")
        isConstant =
            settings.choice("schedule", among: ["constant", "other"], default: "other") == "constant"
    }

    var templates: [(template: Template, path: [String])] {
        [(learningRate, "learning_rate"), (batchSize, "global_batch_size")].compactMap { template, name in
            template.map { ($0, ["attest", name]) }
        }
    }

    func expectation(_ spec: RunSpec, _ names: RunNames) -> Expectation {
        // A cooldown's course is the program's own.
        let isLevel = isConstant && spec.cooldown == 0
        let rate = learningRate?.filled(from: names).flatMap { Double($0) }
        let size = batchSize?.filled(from: names).flatMap { Int($0) }
        // Programs print few digits.
        var expectation = Expectation(learningRate: rate, globalBatchSize: size, tolerance: 1e-3)
        if isLevel { expectation.share = { _ in 1 } }
        return expectation
    }
}
