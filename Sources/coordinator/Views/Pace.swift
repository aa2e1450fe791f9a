import StudyCore

/// How far a study is and how long the rest takes, from the steps done per second of a lease so far.
/// Pauses do not count; trials to come are taken to need as many steps as those that have ended.
struct Pace {
    let stageShare: Double
    let studyShare: Double
    /// nil until something has been measured, and once there is nothing left.
    let stageSecondsLeft: Double?
    let studySecondsLeft: Double?

    init(of engine: Engine, at now: Timestamp) {
        let method = engine.plan.method
        let (done, leaseSeconds) = engine.trials.reduce(into: (0.0, 0.0)) { sum, trial in
            sum.0 += Double(trial.progress.step)
            sum.1 += trial.slotSeconds(at: now) / Double(engine.plan.resources.gpus)
        }
        let ended = engine.trials.filter(\.hasEnded)
        let typical =
            ended.isEmpty
            ? Double(method.steps)
            : Double(ended.reduce(0) { $0 + $1.progress.step }) / Double(ended.count)
        let stageLeft = engine.stages.last.map { stage in
            Self.stepsLeft(of: stage, typical: typical, method: method)
        }
        let later = Double(max(0, method.stageCount - engine.stages.count) * method.trialsPerStage) * typical
        let studyLeft = engine.hasEnded ? 0 : (stageLeft ?? 0) + later
        let stageDone = Double(engine.stages.last?.trials.reduce(0) { $0 + $1.progress.step } ?? 0)
        let speed = done > 0 && leaseSeconds > 0 ? done / leaseSeconds : nil
        let lanes = Double(max(1, engine.lanes))
        func seconds(_ steps: Double) -> Double? {
            steps > 0 ? speed.map { steps / ($0 * lanes) } : nil
        }
        stageShare = Self.share(stageDone, of: stageLeft ?? 1)
        studyShare = Self.share(done, of: studyLeft)
        stageSecondsLeft = seconds(engine.hasEnded ? 0 : stageLeft ?? 0)
        studySecondsLeft = seconds(studyLeft)
    }

    private static func share(_ done: Double, of left: Double) -> Double {
        done + left > 0 ? done / (done + left) : 0
    }

    private static func stepsLeft(of stage: Stage, typical: Double, method: Method) -> Double {
        let open = stage.trials.filter { !$0.hasEnded }
            .reduce(0.0) { $0 + max(typical - Double($1.progress.step), 1) }
        // Of a method with one stage all trials are in it, however they come to be.
        let planned = method.stageCount == 1 ? method.mostTrials : method.trialsPerStage
        let toCome = stage.closedAt == nil ? max(0, planned - stage.trials.count) : 0
        return open + Double(toCome) * typical
    }
}

extension Engine {
    /// How many trials can run side by side.
    fileprivate var lanes: Int {
        let slots = nodes.filter { !$0.isLost }.flatMap(\.slots).count { $0.unavailable == nil }
        return min(slots / plan.resources.gpus, plan.resources.parallel ?? .max)
    }
}
