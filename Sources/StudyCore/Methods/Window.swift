public import Search

/// Where a stage searches one numeric parameter, and why there.
public struct Window: Hashable, Codable, Sendable {
    public let parameter: String
    /// Its ends, both in it.
    public let low: Double
    public let high: Double
    /// How far it reaches below its centre, in shares of the parameter's axis in the study's own space.
    public let reach: Double
    public let centre: Centre
    public let width: Width
    /// nil: it reaches as far above its centre as below.
    public let guardrail: Guardrail?

    /// What stands in a window's middle.
    public enum Centre: Hashable, Codable, Sendable {
        /// The value of the trial that the stage goes on from.
        case best(Double)
        /// Where a power law through the optima of all stages so far is in the middle of this stage.
        case law(LawCentre)

        public var value: Double {
            switch self {
            case .best(let value): value
            case .law(let law): law.forecast.value
            }
        }
    }

    /// Why a window is as wide as it is.
    public enum Width: String, Hashable, Codable, Sendable {
        /// Half as wide as the one before.
        case halved
        /// As wide as windows get at least.
        case least
        /// The losses at its ends do not stand out of the noise: as wide as the one before.
        case keptForNoise
        /// The best lay at the same end in two stages: twice as wide as the one before.
        case widenedAtBorder
    }

    /// Why a window reaches less far above its centre than below.
    public enum Guardrail: Hashable, Codable, Sendable {
        /// The losses `rise` more from its centre up to its whole reach than is `allowed`, half as much again as they do
        /// to its lower end: above it ends where they have risen by that.
        case steeper(rise: Double, allowed: Double)
        /// At `value`, above all values that trained, the loss was not a number.
        case diverged(at: Double)
    }
}

/// A power law's forecast that a window is centred on.
public struct LawCentre: Hashable, Codable, Sendable {
    /// With 90 % confidence.
    public let forecast: OptimumForecast
    /// For which step, since the first stage began.
    public let step: Double
    public let exponent: Double
    /// How many stages' optima it goes through.
    public let points: Int
}
