import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Wire

extension Daemon {
    /// Carries out what the client has sent. A line that is no order is answered by a complaint.
    func takeOrders(of client: Client) {
        let lines: [Data]
        do {
            lines = try client.receiveLines()
        } catch {
            client.tell(
                .complaint(text: "a line of over \(Lines.longest) bytes came: the connection is ended"))
            client.flush()
            return client.leave()
        }
        for line in lines where !line.isEmpty {
            do {
                carryOut(try Lines.decode(Order.self, from: line), for: client)
            } catch {
                let start = String(decoding: line.prefix(80), as: UTF8.self)
                client.tell(.complaint(text: "this line is no order: \(start) (\(Self.short(error)))"))
            }
        }
    }

    private static func short(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "\(error)" }
        switch error {
        case .dataCorrupted(let context), .keyNotFound(_, let context), .typeMismatch(_, let context),
            .valueNotFound(_, let context):
            return context.debugDescription
        @unknown default: return "unreadable"
        }
    }

    /// Launches wait until the slots are known, and what concerns their runs waits behind them: a daemon that
    /// has just begun refuses nothing for that.
    private func mustWait(_ order: Order) -> Bool {
        guard slots == nil else { return false }
        switch order {
        case .launch(let launch): return !store.folder(of: launch.key).hasSpec
        case .stop(let run, _):
            return heldBack.contains {
                if case .launch(let launch) = $0.order { launch.key == run } else { false }
            }
        case .survey, .follow, .removeCheckpoints, .beat: return false
        }
    }

    func carryOutHeldBack() {
        let orders = heldBack
        heldBack = []
        for (order, client) in orders where !client.isGone { carryOut(order, for: client) }
    }

    private func carryOut(_ order: Order, for client: Client) {
        let now = monotonicSeconds()
        if mustWait(order) { return heldBack.append((order, client)) }
        switch order {
        case .survey:
            client.asksForInventory()
            inventoryIsStale = true
            nextSurvey = now
        case .follow(let study, let offsets): follow(study, offsets, for: client)
        case .launch(let launch):
            if let reason = self.launch(launch, now: now) {
                client.tell(.refused(run: launch.key, reason: reason))
            }
        case .stop(let run, let order): stop(run, order, for: client, now: now)
        case .removeCheckpoints(let study, let checkpoints):
            remove(checkpoints, of: study, for: client)
        case .beat: client.tell(.beat)
        }
    }

    private func follow(_ study: StudyID, _ offsets: [RunOffset], for client: Client) {
        let keys = store.runs(of: study)
        let ends = Dictionary(offsets.map { ($0.run, max(0, $0.end)) }) { max($0, $1) }
        client.tell(
            .runs(
                study: study,
                runs: keys.map { key in
                    let folder = store.folder(of: key)
                    let fits = folder.aLineEnds(at: ends[key.run] ?? 0)
                    return RunSummary(
                        run: key.run, isAlive: runs[key] != nil, end: fits ? folder.readTail().end : 0)
                }))
        client.tell(heldCheckpoints(of: study))
        client.follow(study, from: ends, runs: keys)
    }

    func heldCheckpoints(of study: StudyID) -> NewsLine {
        let keys = CheckpointStore(home).checkpoints(of: study)
        return .checkpoints(
            study: study,
            held: keys.map { HeldCheckpoint(run: $0.checkpoint.run, name: $0.checkpoint.name) })
    }

    private func stop(_ key: RunKey, _ order: StopOrder, for client: Client, now: Double) {
        // A run that is over needs no stop; one that is not here has none.
        guard let run = runs[key] else { return }
        do {
            try run.stop(order, now: now)
            log.write("\(key) is to stop: \(order.reason)")
        } catch {
            client.tell(.complaint(text: "\(key) cannot be told to stop: \(error)"))
        }
    }

    private static let trashPrefix = "trash."

    /// Removes what an earlier daemon did not come to remove, and what channels did not that were killed.
    func sweepTrash() {
        let paths = names(in: home.path).filter { name in
            [Self.trashPrefix, CheckpointOffer.probePrefix].contains { name.hasPrefix($0) }
        }.map { home.path + "/" + $0 }
        guard !paths.isEmpty else { return }
        onOwnThread { for path in paths { try? FileManager.default.removeItem(atPath: path) } }
    }

    /// Takes the folders out of sight at once, and their bytes off the disk on a thread.
    private func remove(_ checkpoints: [Checkpoint], of study: StudyID, for client: Client) {
        for checkpoint in checkpoints {
            do {
                let key = try CheckpointStore.Key(study, checkpoint)
                let checkpoints = CheckpointStore(home)
                for path in [checkpoints.path(of: key)] + checkpoints.leftovers(of: key) { try discard(path) }
            } catch {
                client.tell(.complaint(text: "\(error)"))
            }
        }
    }

    private func discard(_ path: String) throws(SystemError) {
        let trash = "\(home.path)/\(Self.trashPrefix)\(getpid()).\(UInt64.random(in: 0...UInt64.max))"
        guard rename(path, trash) == 0 else {
            if errno == ENOENT { return }
            throw SystemError("remove \(path)")
        }
        onOwnThread { try? FileManager.default.removeItem(atPath: trash) }
    }
}
