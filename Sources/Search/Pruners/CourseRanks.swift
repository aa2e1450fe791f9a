import FleetModel

/// Ranks the trials of each rung by forecasts of their losses at the end (`PlacedCourses`), and again as more is
/// known: for a pruner that decides at once.
struct CourseRanks: Hashable, Codable, Sendable {
    private var courses: PlacedCourses
    /// By bracket and by rung, counted from the bracket's first.
    private var ranks: [[SortedList<RungEntry>]]
    private var trials: [TrialID: Progress] = [:]
    /// nil in studies of versions whose standings said no forecast: they go on as they began.
    private let saysForecasts: Bool?

    private struct Progress: Hashable, Codable, Sendable {
        let places: [Double]
        /// At the rungs passed so far.
        var losses: [Loss] = []
    }

    /// - Parameter rungs: of the first bracket; each further one has one less from below.
    init(rungs: Int, brackets: Int) {
        courses = PlacedCourses(rungs: rungs)
        ranks = (0..<brackets).map { Array(repeating: SortedList(), count: rungs - $0) }
        saysForecasts = true
    }

    mutating func begin(_ trial: TrialID, at places: [Double]) { trials[trial] = Progress(places: places) }

    /// Takes a trial's loss at the next rung of its bracket.
    /// - Returns: how many trials stand before it there, and its forecast once those decide; nil where nobody told
    ///   of its places.
    mutating func insert(
        _ trial: TrialID, _ loss: Loss, _ bracket: Int
    ) -> (place: Int, forecast: Standing.Forecast?)? {
        trials[trial]?.losses.append(loss)
        guard let progress = trials[trial] else { return nil }
        let rung = progress.losses.count - 1
        if courses.follow(progress.losses, first: bracket, at: progress.places) { forecastAgain() }
        let entry = RungEntry(
            forecast: forecast(of: progress, bracket, rung), arrival: ranks[bracket][rung].count,
            trial: trial)
        let isSaid = saysForecasts == true && courses.isGrounded
        return (ranks[bracket][rung].insert(entry), isSaid ? entry.forecast(from: loss) : nil)
    }

    private func forecast(of progress: Progress, _ bracket: Int, _ rung: Int) -> Double {
        let losses = progress.losses.prefix(rung + 1)
        return courses.forecast(of: losses, first: bracket, at: progress.places) ?? losses[rung].value
    }

    private mutating func forecastAgain() {
        for bracket in ranks.indices {
            for rung in ranks[bracket].indices {
                ranks[bracket][rung] = ranks[bracket][rung].again { trial in
                    trials[trial].map { forecast(of: $0, bracket, rung) }
                }
            }
        }
    }
}
