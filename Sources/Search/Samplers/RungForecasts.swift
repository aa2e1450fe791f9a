import FleetModel

/// What the loss of each trial at its end is expected to be, from its losses at the rungs and from where it lies
/// (`PlacedCourses`, learned anew from all trials).
struct RungForecasts {
    struct Forecast {
        let loss: Double
        /// How far off that is; 0 of complete trials.
        let variance: Double
        /// How many rungs it reached, its end counted as one.
        let levels: Int
        /// Of the study's constraints.
        let violation: Double
    }

    /// By trial; nil where nothing is known.
    let ends: [Forecast?]

    /// nil without rungs, and with several objectives, of which the rungs know one.
    init?(_ history: History) {
        guard !history.rungs.isEmpty, !history.trials.contains(where: \.hasSeveralObjectives) else {
            return nil
        }
        var courses = PlacedCourses(rungs: history.rungs.count)
        let places = history.trials.indices.map { history.coordinates(of: $0) }
        for (trial, places) in zip(history.trials, places) {
            let course = trial.course(rungs: history.rungs.count)
            guard course.count >= 2 else { continue }
            for count in 2...course.count { courses.learn(from: course.prefix(count), first: 0, at: places) }
        }
        courses.fit()
        ends = zip(history.trials, places).map { trial, places in
            let course = trial.course(rungs: history.rungs.count)
            switch trial.result {
            case .failed: return nil
            case .complete(let losses):
                return Forecast(
                    loss: losses[0].value, variance: 0, levels: history.rungs.count + 1,
                    violation: trial.violation)
            case .running, .pruned:
                guard !course.isEmpty else { return nil }
                let end = courses.end(of: course, first: 0, at: places)
                return Forecast(
                    loss: end.loss, variance: end.variance, levels: course.count, violation: trial.violation)
            }
        }
    }
}

extension Observation {
    fileprivate var hasSeveralObjectives: Bool {
        if case .complete(let losses) = result { losses.count > 1 } else { false }
    }

    /// Its losses at the rungs and, if it passed all of them, at its end.
    fileprivate func course(rungs: Int) -> [Loss] {
        guard case .complete(let losses) = result, rungLosses.count == rungs else { return rungLosses }
        return rungLosses + [losses[0]]
    }
}
