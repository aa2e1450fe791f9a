public import FleetModel

/// A stretch of one member's training in a population, between two decisions.
public struct TrainingSegment: Hashable, Codable, Sendable {
    /// The member's step at its end.
    public let step: Int
    /// What it was trained with.
    public let assignment: Assignment
    /// Its loss at the end minus that at the beginning: below 0 where it learned.
    public let change: Double

    /// - Parameter change: finite.
    public init(step: Int, _ assignment: Assignment, change: Double) {
        precondition(change.isFinite, "a change of loss is a number")
        self.step = step
        self.assignment = assignment
        self.change = change
    }
}

extension Space {
    /// What a member of a population goes on with, chosen by what all of them learned with which values
    /// (Parker-Holder et al. 2020, "Provably efficient online hyperparameter optimization with population-based
    /// bandits", PB2, arXiv 2002.02518): a Gaussian process over values and time predicts the change of loss of
    /// the next segment, and the assignment with the best confidence bound on it is taken. Time is one more
    /// coordinate of the kernel, with a length of its own that is fitted like the others, so old segments count
    /// the less the faster the best values move. Choices are coordinates too, and may change.
    ///
    /// Of fewer than four segments nothing is learned: then this is `explored(from:using:)`.
    /// - Parameters:
    ///   - assignment: of the member whose checkpoint is trained on.
    ///   - segments: of all members, in any order; of more than 160 the latest count. Values may lie outside of
    ///     this space.
    ///   - step: where the new segment ends.
    ///   - others: what other members are training with meanwhile; it is taken for granted that they come out as
    ///     predicted, which keeps members apart.
    public func explored(
        from assignment: Assignment, learningFrom segments: [TrainingSegment], until step: Int,
        beside others: [Assignment] = [], using generator: inout SeededGenerator
    ) -> Assignment {
        guard segments.count >= 4,
            let model = SegmentModel(of: self, segments, until: step, beside: others)
        else { return explored(from: assignment, using: &generator) }
        return model.best(near: assignment, using: &generator)
            ?? explored(from: assignment, using: &generator)
    }
}

/// What segments tell of the next one.
private struct SegmentModel {
    private let history: History
    private let coordinates: Coordinates
    private let process: GaussianProcess
    /// How many deviations a prediction is given credit for.
    private let credit: Double

    private static let most = 160
    /// Assignments scored at first, and around the best of those at each of two finer scales.
    private static let (wide, near, fine) = (400, 100, 60)

    /// nil where the changes are no material for a model.
    init?(of space: Space, _ segments: [TrainingSegment], until step: Int, beside others: [Assignment]) {
        history = History(space)
        coordinates = Coordinates(history)
        let latest = segments.enumerated().sorted {
            ($0.element.step, $0.offset) < ($1.element.step, $1.offset)
        }
        .suffix(Self.most).map(\.element)
        guard let warp = Warp(latest.map(\.change)) else { return nil }
        // From the first segment to the one to come.
        let first = Double(latest[0].step)
        let length = max(1, Double(step) - first)
        var training = TrainingSet(coordinates.kinds + [.number], capacity: latest.count)
        for segment in latest {
            let point = coordinates.modelPoint(history.places(of: segment.assignment))
            training.append(
                point + [(Double(segment.step) - first) / length], target: warp.target(of: segment.change),
                variance: 0, stage: 0, trial: -1)
        }
        var process = GaussianProcess(KernelFit(training: training).kernel(), training)
        for other in others { process.believe(in: coordinates.modelPoint(history.places(of: other)) + [1]) }
        self.process = process
        // As in the authors' code: √(0.2 + ln(0.4 n)).
        credit = (0.2 + max(0, log(0.4 * Double(latest.count)))).squareRoot()
    }

    /// The least change of loss that is still likely, in the model's unit.
    private func bound(at assignment: Assignment) -> Double {
        let now = process.prediction(at: coordinates.modelPoint(history.places(of: assignment)) + [1])
        return now.mean - credit * now.variance.squareRoot()
    }

    func best(near assignment: Assignment, using generator: inout SeededGenerator) -> Assignment? {
        var candidates: [Assignment] = []
        for _ in 0..<Self.wide {
            if let drawn = history.space.draw(using: &generator) { candidates.append(drawn) }
        }
        for _ in 0..<Self.near {
            candidates.append(history.space.explored(from: assignment, using: &generator))
        }
        var best = lowest(of: candidates)
        for reach in [0.08, 0.02] {
            guard let centre = best?.assignment else { return nil }
            let moved = (0..<Self.fine).map { _ in nudged(centre, by: reach, using: &generator) }
            best = lowest(of: [centre] + moved)
        }
        return best?.assignment
    }

    /// The first of equals.
    private func lowest(of candidates: [Assignment]) -> (bound: Double, assignment: Assignment)? {
        var best: (bound: Double, assignment: Assignment)?
        for candidate in candidates where history.space.allows(candidate) {
            let bound = bound(at: candidate)
            if bound < best?.bound ?? .infinity { best = (bound, candidate) }
        }
        return best
    }

    /// All numbers moved a little along their axes; choices stay.
    private func nudged(
        _ assignment: Assignment, by reach: Double, using generator: inout SeededGenerator
    ) -> Assignment {
        let places = zip(history.places(of: assignment), history.axes).map { place, axis in
            axis == nil ? place : (place + reach * generator.normal()).clamped(to: 0...1)
        }
        return history.assignment(at: places)
    }
}
