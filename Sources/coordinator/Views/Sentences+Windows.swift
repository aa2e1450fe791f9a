import Search
import StudyCore

/// Why a stage searches where it does.
extension Sentences {
    static func line(_ window: Window) -> String {
        "\(window.parameter) from \(Text.number(window.low)) to \(Text.number(window.high)): \(reasons(for: window))"
    }

    /// Its centre, its width and its high side, with their numbers.
    static func reasons(for window: Window) -> String {
        ([words(window.centre), words(window.width)] + [window.guardrail.map(words)].compactMap(\.self))
            .joined(separator: ", ")
    }

    private static func words(_ centre: Window.Centre) -> String {
        switch centre {
        case .best(let value): return "around the best, \(Text.number(value))"
        case .law(let law):
            let range = law.forecast.range
            return "around \(Text.number(law.forecast.value)), which the power law of \(law.points) stages "
                + "(exponent \(Text.number(law.exponent))) forecasts for step \(Int(law.step.rounded())) "
                + "(90 %: \(Text.number(range.lowerBound)) to \(Text.number(range.upperBound)))"
        }
    }

    private static func words(_ width: Window.Width) -> String {
        switch width {
        case .halved: "half as wide as before"
        case .least: "as narrow as windows get"
        case .keptForNoise: "as wide as before, since its ends do not stand out of the noise"
        case .widenedAtBorder: "twice as wide as before, since the best lay at the same end twice"
        }
    }

    private static func words(_ guardrail: Window.Guardrail) -> String {
        switch guardrail {
        case .steeper(let rise, let allowed):
            "narrower above, where losses would rise by \(Text.number(rise)), more than the \(Text.number(allowed)) "
                + "that the low side allows"
        case .diverged(let value): "narrower above, since \(Text.number(value)) diverged"
        }
    }
}
