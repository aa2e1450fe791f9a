import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Wire

extension Daemon {
    /// Takes up every run whose folder does not say that it has ended, and every one that has ended but
    /// left processes behind.
    func adoptRuns() {
        let marked = RunProcesses.markedFolders()
        let now = monotonicSeconds()
        for key in store.studies.flatMap(store.runs) {
            let folder = store.folder(of: key)
            guard !folder.readTail().hasEnded || marked.contains(folder.path) else { continue }
            do {
                guard let spec = folder.readSpec(), spec.key == key else {
                    throw AgentError("\(folder.spec) is no run spec of \(key)")
                }
                try takeUp(spec, now: now)
            } catch {
                log.write("\(key) cannot be taken up: \(error)")
                giveUp(folder, because: "\(error)")
            }
        }
    }

    /// Ends a run that nobody can go on with, unless a plugin lives in its folder.
    private func giveUp(_ folder: TrialFolder, because reason: String) {
        do {
            guard try RunLock(folder).take(), !folder.readTail().hasEnded else { return }
            try folder.append(.ended(ending: .failed(RunFailure(.node(reason: reason)))))
        } catch {
            log.write("\(folder.path): \(error)")
        }
    }

    /// Tracks the run of a folder, and starts its plugin where none ever came.
    private func takeUp(_ spec: RunSpec, now: Double) throws {
        let folder = store.folder(of: spec.key)
        let watch = watch.add(folder.path)
        do {
            let run = try LiveRun(spec, folder: folder, watch: watch, processes: processes, now: now)
            if run.needsPlugin {
                guard let plugin = plugins.find(spec.plugin) else {
                    throw AgentError(noPlugin(spec.plugin))
                }
                let devices = slots?.uuids(of: spec.slots)
                guard devices != nil || !spec.slots.contains(where: \.isSlice) else {
                    throw AgentError(
                        "the MIG device of the run is not known yet to this agent, which was just started")
                }
                let gpus = slots?.gpus(of: spec.slots) ?? []
                try run.start(
                    plugin: plugin, devices: devices, cores: options.driver.cores(near: gpus), now: now)
            }
            runs[spec.key] = run
            inventoryIsStale = true
        } catch {
            if let watch { self.watch.forget(watch) }
            throw error
        }
    }

    func noPlugin(_ name: String) -> String {
        let known = plugins.names.isEmpty ? "none" : plugins.names.joined(separator: ", ")
        return "there is no plugin \(name) in \(plugins.folders.joined(separator: " or ")); found: \(known)"
    }

    /// Starts a run, unless its folder is there already. One whose checkpoint is not on this node has failed
    /// at once: unlike a refusal, that does not pass by waiting.
    ///
    /// - Returns: why not, where it was refused; then it has no folder.
    func launch(_ launch: Launch, now: Double) -> String? {
        let folder = store.folder(of: launch.key)
        if folder.hasSpec { return nil }
        if let reason = refusal(of: launch) { return reason }
        do {
            let spec = try launch.located(by: place(in: launch.key.study)).startingAsTheStudy
            try makeFolders(folder.checkpoints)
            try folder.publish(spec, at: folder.spec)
            if let missing = spec.missingCheckpoint {
                // Who believes that it is here learns better before the run's end makes it choose again.
                for client in clients where client.studies.contains(launch.key.study) {
                    client.tell(heldCheckpoints(of: launch.key.study))
                }
                giveUp(
                    folder, because: "the checkpoint to start from is not on this node: no folder \(missing)")
            } else {
                try takeUp(spec, now: now)
            }
        } catch {
            runs[launch.key] = nil
            try? FileManager.default.removeItem(atPath: folder.path)
            return "\(error)"
        }
        log.write("\(launch.key) began on \(launch.slots.map(\.description).joined(separator: ", "))")
        for client in clients { client.noticeMore(of: launch.key) }
        return nil
    }

    private func refusal(of launch: Launch) -> String? {
        guard let slots else {
            return "the slots of this node are not known yet: ask again after its inventory"
        }
        if plugins.find(launch.plugin) == nil { return noPlugin(launch.plugin) }
        return Slots.refusal(of: launch.slots, among: entries(slots), survey: slots.findings.survey)
    }

    private func place(in study: StudyID) -> (Checkpoint) throws -> String {
        { [store] checkpoint in
            guard FolderName.isSafe(checkpoint.name) else {
                throw AgentError("the checkpoint's name \"\(checkpoint.name)\" is no folder name")
            }
            return store.checkpoint(checkpoint, of: study)
        }
    }

    /// Looks at the runs that are due.
    func lookAtRuns(now: Double) {
        processes.expire()
        for run in runs.values where run.checkAt <= now { look(at: run, now: now) }
    }

    private func look(at run: LiveRun, now: Double) {
        let before = run.tail.end
        do {
            if case .over(let ending) = try run.look(now: now) {
                if ending != nil { for client in clients { client.noticeMore(of: run.key) } }
                guard isProvenFree(run, since: run.over(now: now), now: now) else { return }
                if let watch = run.watch { self.watch.forget(watch) }
                runs[run.key] = nil
                inventoryIsStale = true
                log.write("\(run.key) is over" + (ending.map { ", ended for it: \($0)" } ?? ""))
                for client in clients { client.noticeMore(of: run.key) }
            }
        } catch {
            log.write("\(run.key): \(error)")
        }
        if run.tail.end != before { for client in clients { client.noticeMore(of: run.key) } }
    }

    /// Takes what inotify tells.
    func noticeChanges() {
        let now = monotonicSeconds()
        for (number, change) in watch.changes() {
            guard let run = runs.values.first(where: { $0.watch == number }) else { continue }
            switch change {
            case .events:
                for client in clients { client.noticeMore(of: run.key) }
                look(at: run, now: now)
            case .lock: run.lookSoon(now: now)
            }
        }
    }
}

extension RunSpec {
    /// The checkpoint that it starts from, where that is not on the disk.
    fileprivate var missingCheckpoint: String? {
        switch start {
        case .fresh: nil
        case .warm(let path), .resume(let path, _): access(path, F_OK) == 0 ? nil : path
        }
    }
}
