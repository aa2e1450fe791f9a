/// Which way a metric is better.
public enum Direction: String, Hashable, Codable, Sendable, CaseIterable {
    case minimize, maximize
}

/// What every decision compares: lower is better, always finite. A metric becomes a loss at one place,
/// `init(_:_:)`, and turns back into the user's number at `metric(_:)`.
public struct Loss: Hashable, Codable, Sendable, Comparable {
    /// Lower is better; finite.
    public let value: Double

    /// nil unless `metric` is finite.
    public init?(_ metric: Double, _ direction: Direction) {
        guard metric.isFinite else { return nil }
        value = direction == .minimize ? metric : -metric
    }

    /// The metric as the trainer reported it.
    public func metric(_ direction: Direction) -> Double {
        direction == .minimize ? value : -value
    }

    public static func < (a: Loss, b: Loss) -> Bool { a.value < b.value }

    public init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer().decode(Double.self)
        guard value.isFinite else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "a loss is finite, found \(value)"))
        }
        self.value = value
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}

/// One measured number. Not-a-number and the infinities are a case and never stored as a `Double`:
/// NaN is not equal to itself, which would break comparing replays, and JSON cannot write it.
public enum Reading: Hashable, Sendable, CustomStringConvertible {
    case value(Double)
    case notFinite(NotFinite)

    /// The ways in which a number is not one.
    public enum NotFinite: String, Hashable, Codable, Sendable {
        case nan = "nan"
        case positiveInfinity = "inf"
        case negativeInfinity = "-inf"
    }

    public init(_ number: Double) {
        if number.isNaN {
            self = .notFinite(.nan)
        } else if number.isInfinite {
            self = .notFinite(number > 0 ? .positiveInfinity : .negativeInfinity)
        } else {
            self = .value(number)
        }
    }

    public var description: String {
        switch self {
        case .value(let number): "\(number)"
        case .notFinite(let what): what.rawValue
        }
    }
}

extension Reading: Codable {
    public init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let number = try? value.decode(Double.self) {
            self.init(number)
        } else {
            self = .notFinite(try value.decode(NotFinite.self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .value(let number): try container.encode(number)
        case .notFinite(let what): try container.encode(what)
        }
    }
}

/// Metrics of a trial at a step.
public struct Report: Hashable, Codable, Sendable {
    /// Optimiser steps since the trial began (not since the model was born), from 1. A run that resumes
    /// its trial goes on counting where the trial stopped.
    public let step: Int
    /// By metric name: `validation_loss`, `training_loss`, `tokens_per_second`, …
    public let metrics: [String: Reading]

    /// The metric that TrainerKit adds: seconds since the run began, by its node's own clock, so that how fast
    /// it trains can be told whenever its reports are read.
    public static let elapsedSeconds = "elapsed_seconds"

    public init(step: Int, metrics: [String: Reading]) {
        self.step = step
        self.metrics = metrics
    }

    /// The same after so many seconds of the run, unless the trainer itself says how many.
    public func stamped(after seconds: Double) -> Report {
        let stamp = [Self.elapsedSeconds: Reading((seconds * 1000).rounded() / 1000)]
        return Report(step: step, metrics: metrics.merging(stamp) { own, _ in own })
    }
}
