import FleetModel
import Search
import Testing

@Suite struct SeveralObjectivesTests {
    /// DTLZ2 with three objectives (Deb et al. 2002, "Scalable multi-objective optimization test problems"):
    /// the front is the unit sphere's first octant, where the last three x are 0.5.
    private func dtlz2(_ assignment: Assignment) -> [Loss] {
        let x = (0..<5).map { assignment["x\($0)"]?.number ?? 9 }
        let g = 1 + x[2...].reduce(0) { $0 + ($1 - 0.5) * ($1 - 0.5) }
        let (a, b) = (x[0] * .pi / 2, x[1] * .pi / 2)
        return [.of(g * cosine(a) * cosine(b)), .of(g * cosine(a) * sine(b)), .of(g * sine(a))]
    }

    private func sine(_ x: Double) -> Double { x * (1 - x * x / 6 * (1 - x * x / 20 * (1 - x * x / 42))) }
    private func cosine(_ x: Double) -> Double { sine(.pi / 2 - x) }

    @Test(arguments: [
        SamplerKind.tpe(TPESampler()), .nsga2(NSGA2Sampler()), .auto(AutoSampler()),
        .gp(GPSampler(candidates: 128)),
    ])
    func `three objectives are sought together, better than at random`(sampler: SamplerKind) throws {
        #expect(sampler.supportsSeveralObjectives)
        let space = try NSGA2Tests.floats(5)
        let trials =
            switch sampler {
            case .gp: 60
            case .nsga2: 400
            default: 120
            }
        let volumes = [sampler, .random(RandomSampler())].map { kind in
            (0..<2).reduce(0.0) { sum, seed in
                let points = NSGA2Tests.losses(trials, in: space, seed: UInt64(seed), kind, of: dtlz2)
                return sum + Pareto.hypervolume(of: points, below: Array(repeating: .of(1.2), count: 3))
            }
        }
        #expect(volumes[0] > 1.06 * volumes[1], "\(volumes)")
    }

    @Test func `auto knows several objectives by any complete trial, and says so`() throws {
        let space = try NSGA2Tests.floats(5)
        var history = History(space)
        for number in 0..<12 {
            let losses = [Loss.of(Double(number)), .of(-Double(number)), .of(1)]
            history.add(["x0": .float(Double(number) / 12)], number == 11 ? .failed : .complete(losses))
        }
        var sampler = AutoSampler()
        let choice = sampler.choice(for: history)
        #expect("\(choice)" == "tpe, because there are 3 objectives")
    }
}
