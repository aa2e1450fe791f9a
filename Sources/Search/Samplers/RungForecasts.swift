import FleetModel

/// What the loss of each trial at its end is expected to be, from its losses at the rungs and from where it lies
/// (`PlacedCourses`, learned from all trials in the order of proposal).
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
    /// - Parameter learned: from a beginning of this history, or nil; it is brought up to date.
    init?(_ history: History, _ learned: inout Learned?) {
        guard !history.rungs.isEmpty, !history.trials.contains(where: \.hasSeveralObjectives) else {
            return nil
        }
        var known = learned ?? Learned(rungs: history.rungs.count)
        learned = nil
        let courses = known.courses(of: history)
        ends = zip(history.trials, known.places).map { trial, places in
            switch trial.result {
            case .failed: return nil
            case .complete(let losses):
                return Forecast(
                    loss: losses[0].value, variance: 0, levels: history.rungs.count + 1,
                    violation: trial.violation)
            case .running, .pruned:
                let course = trial.rungLosses
                guard !course.isEmpty else { return nil }
                let end = courses.end(of: course, first: 0, at: places)
                return Forecast(
                    loss: end.loss, variance: end.variance, levels: course.count, violation: trial.violation)
            }
        }
        learned = known
    }
}

extension RungForecasts {
    /// What follows from the beginning of a history and stays true: so an ask costs little more than what is new.
    struct Learned: Sendable {
        /// By trial (`History.coordinates(of:)`).
        fileprivate var places: [[Double]] = []
        /// Learned from the first `settled` trials, all of which have ended.
        private var courses: PlacedCourses
        private var settled = 0

        fileprivate init(rungs: Int) { courses = PlacedCourses(rungs: rungs) }

        /// Learned from all trials. Sums depend on their order, if only by what is rounded: a study that is begun again
        /// from its journal must find the same ones without the memo.
        fileprivate mutating func courses(of history: History) -> PlacedCourses {
            for index in places.count..<history.trials.count {
                places.append(history.coordinates(of: index))
            }
            while settled < history.trials.count, history.trials[settled].hasEnded {
                courses.learn(from: history, settled, at: places[settled])
                settled += 1
            }
            var all = courses
            for index in settled..<history.trials.count { all.learn(from: history, index, at: places[index]) }
            all.fit()
            return all
        }
    }
}

extension PlacedCourses {
    /// From one trial, each of its rungs.
    fileprivate mutating func learn(from history: History, _ index: Int, at places: [Double]) {
        let course = history.trials[index].course(rungs: history.rungs.count)
        guard course.count >= 2 else { return }
        for count in 2...course.count { learn(from: course.prefix(count), first: 0, at: places) }
    }
}

extension Observation {
    fileprivate var hasEnded: Bool { if case .running = result { false } else { true } }

    fileprivate var hasSeveralObjectives: Bool {
        if case .complete(let losses) = result { losses.count > 1 } else { false }
    }

    /// Its losses at the rungs and, if it passed all of them, at its end.
    fileprivate func course(rungs: Int) -> [Loss] {
        guard case .complete(let losses) = result, rungLosses.count == rungs else { return rungLosses }
        return rungLosses + [losses[0]]
    }
}
