import FleetModel
public import Search

extension Stage {
    /// Where its good trials lie in each parameter that has numbers above 0, as the surface through all its
    /// losses has them, where there is one.
    public func smoothedOptima() -> [String: SmoothedOptimum] {
        let surface = SmoothedLosses(history)
        var optima: [String: SmoothedOptimum] = [:]
        for parameter in space.parameters {
            let cells = ranking.compactMap { trial in
                trial.assignment[parameter.name]?.number.map { value in
                    SmoothedOptimum.Cell(
                        value: value, loss: surface?.loss(of: trial.id.number) ?? trial.result!.value)
                }
            }
            optima[parameter.name] = SmoothedOptimum(of: cells)
        }
        return optima
    }
}

extension [Stage] {
    /// Optimiser steps behind a stage: those of the chain of trials that it goes on from.
    func steps(before stage: Int) -> Int {
        guard indices.contains(stage), let origin = self[stage].origin else { return 0 }
        return steps(before: origin.run.trial.stage) + origin.step
    }

    /// The power law through the optima of the stages that have a best, for the middle of the stage that comes
    /// after them; nil where there is no evidence of one.
    /// - Parameters:
    ///   - steps: which the stage to come takes.
    func lawCentre(of parameter: String, steps: Int, _ fidelity: Fidelity) -> LawCentre? {
        let closed = filter { $0.best != nil }
        guard closed.count >= Trend.fewestPoints, let last = closed.last, let best = last.bestTrial else {
            return nil
        }
        let points = closed.compactMap { stage -> PowerLawFit.Point? in
            guard let optimum = stage.optima[parameter], let best = stage.bestTrial else { return nil }
            let training = fidelity.steps(stage.steps, of: best.assignment)
            let middle = Double(self.steps(before: stage.index)) + Double(1 + training) / 2
            return PowerLawFit.Point(x: middle, y: optimum.value, weight: optimum.cells)
        }
        guard points.count == closed.count, let trend = Trend(points),
            let handover = last.handover(of: best, fidelity)
        else { return nil }
        let behind = self.steps(before: last.index) + handover.step
        let middle = Double(behind) + Double(1 + steps) / 2
        return trend.forecast(at: middle).map {
            LawCentre(forecast: $0, step: middle, exponent: trend.exponent, points: points.count)
        }
    }
}

extension Stage {
    /// The trial that the next stage goes on from.
    var bestTrial: Trial? { best.map { trials[$0.number] } }
}
