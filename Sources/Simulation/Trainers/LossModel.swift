import FleetModel
import Search

/// Loss curves: a power law of the step above a floor, L(t) = floor + amplitude · (1 + t)^-exponent, with
/// noise (the shape that neural scaling laws and learning-curve extrapolation use: Hestness et al. 2017,
/// Domhan et al. 2015). The floor rises with the distance from an optimum in the space's unit cube; the
/// exponent is drawn trial by trial, so that curves cross; near the upper end of the first parameter a
/// share of the trials diverges.
public struct LossModel: Hashable, Sendable {
    /// The loss that the best assignment tends to.
    public var floor = 2.0
    /// How much worse the floor is at distance 1 from the optimum.
    public var steepness = 3.0
    public var amplitude = 4.0
    public var exponents = 0.3...0.7
    /// Standard deviation of one report's loss.
    public var noise = 0.01
    /// Standard deviation of a trial's floor.
    public var trialNoise = 0.02
    /// From this place of the first parameter on (0 to 1), trials diverge with `divergence`.
    public var divergesFrom = 0.9
    public var divergence = 0.0
    public var seed: UInt64 = 0
    /// Floors as a past study shows them; nil: a bowl whose bottom the seed places.
    public var landscape: Landscape?

    public init() {}
}

/// The curve of one trial.
struct LossCurve {
    let floor: Double
    private let amplitude: Double
    private let exponent: Double
    private let noise: Double
    private let noiseSeed: UInt64
    /// The step from which on the loss is not a number.
    let divergesAt: Int?
    /// Steps that the model was trained for before the trial.
    private let stepsBefore: Int

    init(_ model: LossModel, _ assignment: Assignment, in space: Space, of trial: TrialID, steps: Int) {
        var random = SeededGenerator(seed: model.seed, stream: trial.streamNumber)
        floor = model.floor(of: assignment, in: space) + model.trialNoise * random.normal()
        amplitude = model.amplitude
        exponent = random.draw(model.exponents)
        noise = model.noise
        let place = space.places(of: assignment).first ?? 0
        let isWild = place >= model.divergesFrom && random.chance(model.divergence)
        divergesAt = isWild ? Int.random(in: 1...max(1, steps), using: &random) : nil
        noiseSeed = random.next()
        stepsBefore = trial.stage * steps
    }

    /// The loss at a step of the trial, the same each time it is asked.
    func loss(at step: Int) -> Double {
        if let divergesAt, step >= divergesAt { return .nan }
        var random = SeededGenerator(seed: noiseSeed, stream: UInt64(step))
        return floor + amplitude * pow(Double(1 + stepsBefore + step), -exponent) + noise * random.normal()
    }

    /// Without noise, for what a study would have found.
    func expectation(at step: Int) -> Double {
        floor + amplitude * pow(Double(1 + stepsBefore + step), -exponent)
    }
}

extension LossModel {
    /// What the curves of trials with this assignment tend to.
    fileprivate func floor(of assignment: Assignment, in space: Space) -> Double {
        if let landscape { return landscape.height(of: assignment, in: space) }
        let distance = space.places(of: assignment).enumerated().reduce(0.0) { sum, entry in
            let miss = entry.element - optimum(of: entry.offset)
            return sum + weight(of: entry.offset) * miss * miss
        }
        return floor + steepness * distance
    }

    /// Where the best value of the `parameter`th parameter lies, from 0.2 to 0.8.
    fileprivate func optimum(of parameter: Int) -> Double {
        var random = SeededGenerator(seed: seed, stream: UInt64(parameter))
        return 0.2 + 0.6 * random.unit()
    }

    /// How much it matters: each next parameter half as much.
    fileprivate func weight(of parameter: Int) -> Double { pow(0.5, Double(parameter)) }
}

extension Space {
    /// Where the values of an assignment lie between the ends of their parameters, from 0 to 1; 0.5 for an
    /// inactive parameter.
    fileprivate func places(of assignment: Assignment) -> [Double] {
        parameters.map { parameter in
            assignment[parameter.name].map(parameter.domain.place) ?? 0.5
        }
    }
}

extension Domain {
    /// From 0 at the lower end to 1 at the upper one; beyond them for values outside.
    func place(of value: ParameterValue) -> Double {
        switch self {
        case .categorical(let choices):
            let index = choices.firstIndex(of: value) ?? 0
            return choices.count > 1 ? Double(index) / Double(choices.count - 1) : 0.5
        case .float(let low, let high, let scale):
            return scale.place(of: value.number ?? low, from: low, to: high)
        case .int(let low, let high, let scale):
            return scale.place(of: value.number ?? Double(low), from: Double(low), to: Double(high))
        }
    }
}

extension Scale {
    fileprivate func place(of value: Double, from low: Double, to high: Double) -> Double {
        guard high > low else { return 0.5 }
        if case .log = self { return Simulation.log(value / low) / Simulation.log(high / low) }
        return (value - low) / (high - low)
    }
}
