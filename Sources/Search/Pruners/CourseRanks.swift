import FleetModel

/// Ranks the trials of each rung by forecasts of their losses at the end (`PlacedCourses`), and again as more is
/// known: for a pruner that decides at once.
struct CourseRanks: Hashable, Codable, Sendable {
    private var courses: PlacedCourses
    /// By bracket and by rung, counted from the bracket's first.
    private var ranks: [[SortedList<Entry>]]
    private var trials: [TrialID: Progress] = [:]

    private struct Entry: Hashable, Codable, Sendable, Comparable {
        /// Of the loss at the end; lower is better.
        let forecast: Double
        /// From 0, in the order of arrival at the rung.
        let arrival: Int
        let trial: TrialID

        static func < (a: Entry, b: Entry) -> Bool { (a.forecast, a.arrival) < (b.forecast, b.arrival) }
    }

    private struct Progress: Hashable, Codable, Sendable {
        let places: [Double]
        /// At the rungs passed so far.
        var losses: [Loss] = []
    }

    /// - Parameter rungs: of the first bracket; each further one has one less from below.
    init(rungs: Int, brackets: Int) {
        courses = PlacedCourses(rungs: rungs)
        ranks = (0..<brackets).map { Array(repeating: SortedList(), count: rungs - $0) }
    }

    mutating func begin(_ trial: TrialID, at places: [Double]) { trials[trial] = Progress(places: places) }

    /// Takes a trial's loss at the next rung of its bracket.
    /// - Returns: how many trials stand before it there; nil where nobody told of its places.
    mutating func insert(_ trial: TrialID, _ loss: Loss, _ bracket: Int) -> Int? {
        trials[trial]?.losses.append(loss)
        guard let progress = trials[trial] else { return nil }
        let rung = progress.losses.count - 1
        courses.learn(from: progress.losses, first: bracket, at: progress.places)
        if rung > 0, courses.isDue {
            courses.fit()
            forecastAgain()
        }
        let end = forecast(of: progress, bracket, rungs: rung + 1)
        return ranks[bracket][rung].insert(
            Entry(forecast: end, arrival: ranks[bracket][rung].count, trial: trial))
    }

    /// The loss itself, until there is enough to forecast by.
    private func forecast(of progress: Progress, _ bracket: Int, rungs: Int) -> Double {
        let losses = progress.losses.prefix(rungs)
        guard courses.isGrounded else { return losses.last?.value ?? 0 }
        return courses.end(of: losses, first: bracket, at: progress.places).loss
    }

    private mutating func forecastAgain() {
        for bracket in ranks.indices {
            for rung in ranks[bracket].indices {
                let again = ranks[bracket][rung].elements.map { entry -> Entry in
                    guard let progress = trials[entry.trial] else { return entry }
                    let end = forecast(of: progress, bracket, rungs: rung + 1)
                    return Entry(forecast: end, arrival: entry.arrival, trial: entry.trial)
                }
                ranks[bracket][rung] = SortedList(sorted: again.sorted())
            }
        }
    }
}
