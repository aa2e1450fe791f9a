import FleetModel
import Glibc
import TrainerKit
import Wire

/// The loss that is reported.
struct Curve {
    enum Shape: String, CaseIterable { case power_law, constant, list }

    static let settings: [TrainerDescription.Setting] = [
        .init("curve", "power_law (default), constant or list."),
        .init("floor", "power_law: the loss that no training goes below; a number, 1.5 by default."),
        .init(
            "optimal_lr",
            "power_law: the learning rate that learns fastest at first; above 0, 0.01 by default."),
        .init(
            "optimal_lr_decay",
            "power_law: the best learning rate falls as (1 + steps/100)^-this; at least 0, 0.3 by default."),
        .init("level", "constant: the loss at every step; a number, 1.0 by default."),
        .init("losses", "list: the loss at each step; the last one stays."),
        .init(
            "noise", "Standard deviation of what is added to each loss, fixed by the seed; 0 by default."),
        .init("report_parameters", "Names of parameters whose values are reported as metrics too; a list."),
    ]

    private let shape: Shape
    private let floor: Double
    private let optimalLR: Double
    private let optimalLRDecay: Double
    private let level: Double
    private let losses: [Double]
    private let noise: Double
    private let reportParameters: [String]

    init(_ settings: inout SettingsReader) {
        let names = Shape.allCases.map(\.rawValue)
        shape =
            Shape(rawValue: settings.choice("curve", among: names, default: Shape.power_law.rawValue))
            ?? .power_law
        floor = settings.double("floor", default: 1.5)
        optimalLR = settings.double("optimal_lr", default: 0.01, in: Double.leastNormalMagnitude...)
        optimalLRDecay = settings.double("optimal_lr_decay", default: 0.3, in: 0...)
        level = settings.double("level", default: 1)
        losses = settings.doubles("losses", default: [])
        noise = settings.double("noise", default: 0, in: 0...)
        reportParameters = settings.strings("report_parameters", default: [])
        if shape == .list, losses.isEmpty {
            settings.complain(at: ["losses"], found: "no losses", expected: "at least one, as curve is list")
        }
    }

    /// The model after one more step.
    func trained(_ model: Model, with assignment: Assignment) -> Model {
        var model = model
        model.progress += worth(of: assignment, after: model.steps)
        model.steps += 1
        return model
    }

    /// Loss at a trial step, with the noise that belongs to that step of the model.
    func loss(of model: Model, step: Int, seed: UInt64) -> Double {
        let base =
            switch shape {
            case .power_law: floor + 3 * pow(1 + model.progress, -0.3)
            case .constant: level
            case .list: losses[min(step, losses.count) - 1]
            }
        return noise == 0 ? base : base + noise * gaussian(seed: seed, step: model.steps)
    }

    func copied(_ assignment: Assignment) -> [String: Double] {
        var metrics: [String: Double] = [:]
        for name in reportParameters { metrics[name] = assignment[name]?.number }
        return metrics
    }

    /// What one step with these hyper-parameters is worth, from 0 to 1: each of those known here has an
    /// optimum and takes its share away from it; others change nothing.
    private func worth(of assignment: Assignment, after steps: Int) -> Double {
        let age = 1 + Double(steps) / 100
        let optima: [(name: String, miss: (Double) -> Double)] = [
            ("lr", { log10($0 / (optimalLR * pow(age, -optimalLRDecay))) / 0.8 }),
            ("batch_size", { log2($0 / (64 * pow(age, 0.3))) / 3 }),
            ("layers", { ($0 - 12) / 12 }),
            ("dropout", { ($0 - 0.1) / 0.4 }),
            ("weight_decay", { ($0 - 0.1) / 0.2 }),
            ("momentum", { ($0 - 0.9) / 0.3 }),
        ]
        var worth = assignment["optimizer"] == .string("sgd") ? 0.8 : 1
        for (name, miss) in optima {
            guard let value = assignment[name]?.number else { continue }
            worth *= exp(-0.5 * pow(miss(value), 2))
        }
        return worth.isFinite ? worth : 0
    }

    /// Normal by the Box–Muller transform; the same for the same seed and step.
    private func gaussian(seed: UInt64, step: Int) -> Double {
        var generator = SeededGenerator(seed: seed, stream: UInt64(step))
        let radius = (-2 * log(1 - generator.unit())).squareRoot()
        return radius * cos(2 * Double.pi * generator.unit())
    }
}
