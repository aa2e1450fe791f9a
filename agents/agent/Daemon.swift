import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Wire

/// What a daemon is started with.
struct DaemonOptions {
    var plugins: String?
    var nvidiaSMI = "nvidia-smi"
    /// nil: one for each core.
    var cpuSlots: Int?
    /// Without connection and run for that long, it ends, in seconds; nil: never.
    var linger: Double?
    var kernelLog = KernelLog.device
    var driver = DriverFolder()
}

/// The daemon: one thread, one loop that waits in `poll` for sockets, inotify and the programs it asked.
/// It keeps no state that the trial folders do not have; killing it at any moment loses nothing.
final class Daemon {
    let home: Home
    let options: DaemonOptions
    let store: RunStore
    let log: Log
    let watch = FolderWatch()
    let processes = ProcessMarks()
    private let listener: Int32
    private(set) var clients: [Client] = []
    /// The runs that are not over.
    var runs: [RunKey: LiveRun] = [:]
    var plugins: Plugins
    var slots: Slots?
    var errands: [Errand] = []
    var isSurveying = false
    var nextSurvey = 0.0
    /// When the last survey was begun.
    var surveyBegan = 0.0
    /// When nvidia-smi was asked for the figures of memory that are known.
    var provenBy = -1.0
    /// nvidia-smi is being asked for the memory of slots that runs have left, and when that began.
    var isProving = false
    var proofBegan = -1.0
    let kernelLog: KernelLog
    /// Which of `GPUQuery.health` the driver knows.
    var knownHealth = 0
    /// Orders that came before the slots were known, from whom; carried out once they are.
    var heldBack: [(order: Order, client: Client)] = []
    /// Slots, their holders or plugins may have changed since the inventory was told.
    var inventoryIsStale = true {
        didSet { if !oldValue { staleSince = monotonicSeconds() } }
    }
    /// Since when, if it is.
    private(set) var staleSince = 0.0
    /// Slots and plugins are known.
    var isReady = false
    private var idleSince: Double?

    /// Adopts the runs that live and ends those that are gone, then listens. Needs the home's daemon lock.
    init(home: Home, options: DaemonOptions) throws {
        self.home = home
        self.options = options
        store = RunStore(root: home.runs)
        log = Log(home)
        kernelLog = KernelLog(path: options.kernelLog)
        plugins = Plugins(folder: options.plugins, home: home)
        for folder in [home.runs, home.plugins] { try makeFolders(folder) }
        listener = try home.listen()
        signal(SIGPIPE, SIG_IGN)
        sweepTrash()
        adoptRuns()
        log.write("agent \(Hello.currentVersion), process \(getpid()), \(runs.count) runs adopted")
        if !watch.works { log.write("there is no inotify here: runs are looked at every 20 ms") }
    }

    /// Serves until there was nothing to do for the linger time.
    func serve() {
        while !isDone(now: monotonicSeconds()) {
            let now = monotonicSeconds()
            lookAtRuns(now: now)
            abandonSlowErrands(now: now)
            if now >= nextSurvey { survey(now: now) }
            // A run's end first, then that its slots are free.
            for client in clients { client.pump(store) { runs[$0] != nil } }
            tellInventory()
            for client in clients { client.flush() }
            clients.removeAll(where: \.isGone)
            wait()
        }
        unlink(home.socket)
        log.write("nothing to do for \(options.linger ?? 0) s: ends")
    }

    private func isDone(now: Double) -> Bool {
        guard let linger = options.linger, clients.isEmpty, runs.isEmpty else {
            idleSince = nil
            return false
        }
        let since = idleSince ?? now
        idleSince = since
        return now >= since + linger
    }

    /// Waits until something is ready or due, and takes what is ready.
    private func wait() {
        let served = clients
        let asked = errands
        var waits = [
            pollfd(fd: listener, events: Int16(POLLIN), revents: 0),
            pollfd(fd: watch.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        for client in served { waits += client.waits }
        let firstErrand = waits.count
        waits += asked.map { pollfd(fd: $0.output, events: Int16(POLLIN), revents: 0) }
        guard poll(&waits, nfds_t(waits.count), timeout) > 0 else { return }
        if waits[0].revents != 0 { accept() }
        if waits[1].revents != 0 { noticeChanges() }
        var left = waits[2..<firstErrand]
        for client in served {
            let ready = left.prefix(client.waits.count)
            left = left.dropFirst(ready.count)
            if client.hasOrders(ready) { takeOrders(of: client) }
        }
        for (errand, ready) in zip(asked, waits[firstErrand...]) where ready.revents != 0 {
            if errand.advance() { errands.removeAll { $0 === errand } }
        }
    }

    /// Until the next thing is due, in milliseconds, rounded up.
    private var timeout: Int32 {
        var due = [nextSurvey] + runs.values.map(\.checkAt) + errands.map(\.deadline)
        if let inventoryDue { due.append(inventoryDue) }
        if let linger = options.linger, clients.isEmpty, runs.isEmpty {
            due.append((idleSince ?? monotonicSeconds()) + linger)
        }
        let left = max(0, (due.min() ?? 0) - monotonicSeconds())
        return Int32(min(left, 3_600) * 1_000) + (left > 0 ? 1 : 0)
    }

    private func accept() {
        let socket = Glibc.accept(listener, nil, nil)
        guard socket >= 0 else {
            // Out of descriptors: who knocks has to wait, and poll would say so without a pause.
            if errno == EMFILE || errno == ENFILE { usleep(10_000) }
            return
        }
        _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
        clients.append(Client(door: socket))
    }

    private func abandonSlowErrands(now: Double) {
        for errand in errands where errand.deadline <= now {
            errands.removeAll { $0 === errand }
            errand.abandon()
        }
    }
}
