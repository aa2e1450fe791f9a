/// Where the good trials of a stage lie in one parameter. One trial's place is mostly luck near an optimum,
/// where losses differ by less than their noise; the middle of all good ones is not.
public struct SmoothedOptimum: Hashable, Codable, Sendable {
    /// A complete trial: its value, above 0, and its loss, lower is better.
    public struct Cell: Hashable, Sendable {
        public let value: Double
        public let loss: Double

        public init(value: Double, loss: Double) {
            self.value = value
            self.loss = loss
        }
    }

    /// Above 0.
    public let value: Double
    /// How many cells carry it, counted by weight (Kish's effective number): a weight for a fit.
    public let cells: Double

    /// The mean of log value over the better half of the cells, at least two, each weighted by how far its loss
    /// lies below that of the best cell left out. Equal losses weigh the same. nil without a cell of finite
    /// loss and a value that is above 0 and finite.
    public init?(of cells: [Cell]) {
        let sound = cells.filter { $0.value > 0 && $0.value.isFinite && $0.loss.isFinite }
            .sorted { ($0.loss, $0.value) < ($1.loss, $1.value) }
        guard !sound.isEmpty else { return nil }
        let count = min(sound.count, max(2, (sound.count + 1) / 2))
        let good = sound.prefix(count)
        let cut = count < sound.count ? sound[count].loss : good.last!.loss
        let best = good.first!.loss
        let weights = good.map { cut > best ? max(0.05, (cut - $0.loss) / (cut - best)) : 1 }
        let total = weights.reduce(0, +)
        value = exp(zip(good, weights).reduce(0) { $0 + log($1.0.value) * $1.1 } / total)
        self.cells = total * total / weights.reduce(0) { $0 + $1 * $1 }
    }
}
