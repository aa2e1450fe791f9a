import FleetModel

/// What the loss of each trial at its end is expected to be, from its losses at the rungs and from where it lies
/// (`PlacedCourses`, learned from all trials in the order of proposal).
struct RungForecasts {
    struct Forecast: Equatable {
        /// Its index in the history.
        let trial: Int
        let loss: Double
        /// How far off that is; 0 of complete trials.
        let variance: Double
        /// How many rungs it reached, its end counted as one.
        let levels: Int
        /// Of the study's constraints.
        let violation: Double
    }

    /// Of the trials of which something is known, in the order of proposal.
    let ends: [Forecast]

    /// Of proposals where there are rungs so many had better be random (as in BOHB, Falkner et al. 2018): low rungs
    /// let pass what learns fast, and without random points nothing else is seen further on.
    static let randomShare = 1.0 / 3

    /// nil without rungs, and with several objectives, of which the rungs know one.
    /// - Parameter learned: from a beginning of this history, or nil; it is brought up to date.
    init?(_ history: History, _ learned: inout Learned?) {
        guard !history.rungs.isEmpty, !history.hasSeveralObjectives else { return nil }
        var known = learned ?? Learned(rungs: history.rungs.count)
        learned = nil
        let courses = known.courses(of: history)
        var ends: [Forecast] = []
        ends.reserveCapacity(history.trials.count)
        for index in history.trials.indices {
            if let end = known.forecast(history, index, courses) { ends.append(end) }
        }
        self.ends = ends
        learned = known
    }
}

extension RungForecasts {
    /// What follows from the beginning of a history and stays true: so an ask costs little more than what is new.
    struct Learned: Sendable {
        /// A row for each trial (`History.coordinates(of:)`), one after the other.
        private var places: [Double] = []
        /// Of how many trials there are places.
        private var placed = 0
        /// Learned from the first `settled` trials, all of which have ended.
        private var courses: PlacedCourses
        private var settled = 0

        fileprivate init(rungs: Int) { courses = PlacedCourses(rungs: rungs) }

        /// Learned from all trials. Sums depend on their order, if only by what is rounded: a study that is begun again
        /// from its journal must find the same ones without the memo.
        fileprivate mutating func courses(of history: History) -> PlacedCourses {
            while placed < history.trials.count {
                places += history.coordinates(of: placed)
                placed += 1
            }
            while settled < history.trials.count, history.hasEnded(settled) {
                courses.learn(from: history, settled, at: row(settled))
                settled += 1
            }
            var all = courses
            for index in settled..<placed { all.learn(from: history, index, at: row(index)) }
            all.fit()
            return all
        }

        private func row(_ trial: Int) -> ArraySlice<Double> {
            let count = places.count / placed
            return places[trial * count..<(trial + 1) * count]
        }

        /// nil where nothing is known.
        fileprivate func forecast(
            _ history: History, _ index: Int, _ courses: PlacedCourses
        ) -> Forecast? {
            let violation = history.trials[index].violation
            switch history.trials[index].result {
            case .failed: return nil
            case .complete(let losses):
                return Forecast(
                    trial: index, loss: losses[0].value, variance: 0, levels: history.rungs.count + 1,
                    violation: violation)
            case .running, .pruned:
                let course = history.trials[index].rungLosses
                guard !course.isEmpty else { return nil }
                let end = courses.end(of: course, first: 0, at: row(index))
                return Forecast(
                    trial: index, loss: end.loss, variance: end.variance, levels: course.count,
                    violation: violation)
            }
        }
    }
}

extension PlacedCourses {
    /// From one trial, each of its rungs.
    fileprivate mutating func learn(from history: History, _ index: Int, at places: ArraySlice<Double>) {
        let levels = history.levels(of: index)
        guard levels >= 2 else { return }
        let course = history.trials[index].course
        for count in 2...levels { learn(from: course.prefix(count), first: 0, at: places) }
    }
}

// What is asked of each of many trials takes no copies of them.
extension History {
    /// Known from the first complete trial on: all have as many.
    fileprivate var hasSeveralObjectives: Bool {
        for index in ended {
            if case .complete(let losses) = trials[index].result { return losses.count > 1 }
        }
        return false
    }

    fileprivate func hasEnded(_ index: Int) -> Bool {
        if case .running = trials[index].result { false } else { true }
    }

    /// How many losses there are of a trial's course: at the rungs and, if it passed all of them, at its end.
    fileprivate func levels(of index: Int) -> Int {
        let passed = trials[index].rungLosses.count
        guard passed == rungs.count, case .complete = trials[index].result else { return passed }
        return passed + 1
    }
}

extension Observation {
    /// Its losses at the rungs and at its end.
    fileprivate var course: [Loss] {
        if case .complete(let losses) = result { rungLosses + [losses[0]] } else { rungLosses }
    }
}
