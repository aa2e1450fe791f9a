import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Wire

/// One connection to the daemon: a coordinator, or somebody who asks for the status.
final class Client {
    /// Above this, nothing more is read from the run folders for this client. Bytes.
    private static let enough = 256 << 10
    /// Above this, its own orders are not read either, until it reads our news. Bytes.
    private static let tooMuch = 1 << 20

    /// The connection that came in at the daemon's socket; it ends where the one that has it does.
    private let door: Int32
    /// Where it talks: the door, unless something was handed over through it.
    private var line: Handed
    private var isGreeted = false
    private(set) var isGone = false
    /// The studies that it follows.
    private(set) var studies: Set<StudyID> = []
    /// It asked for the inventory, and gets every change of it.
    var wantsInventory = false
    private var lastInventory: Inventory?
    private var splitter = LineSplitter()
    private var outbox: [UInt8] = []
    private var sent = 0
    /// How far each followed run was told. Bytes of `events.jsonl`.
    private var cursors: [RunKey: Int] = [:]
    /// Followed runs that may have more than was told, in the order in which they are served.
    private var unread: [RunKey] = []
    private var isUnread: Set<RunKey> = []
    /// Where `unread` begins.
    private var served = 0

    init(door: Int32) {
        self.door = door
        line = Handed(input: door, output: door)
        makeNonBlocking(door)
    }

    deinit {
        closeLine()
        close(door)
    }

    private var backlog: Int { outbox.count - sent }
    private var isHandedOver: Bool { line.input != door }
    /// There is news, or more of it in the files: a line that takes all at once would wake nobody for the rest.
    private var hasNews: Bool { backlog > 0 || served < unread.count }

    /// What it waits for: orders, room for news, and the end of who is at the door.
    var waits: [pollfd] {
        [
            pollfd(fd: line.input, events: Int16(backlog < Self.tooMuch ? POLLIN : 0), revents: 0),
            pollfd(fd: line.output, events: Int16(hasNews ? POLLOUT : 0), revents: 0),
            pollfd(fd: isHandedOver ? door : -1, events: Int16(POLLIN), revents: 0),
        ]
    }

    /// Whether there are orders to read. Notices that it is gone.
    /// - Parameter ready: its `waits`, as poll left them.
    func hasOrders(_ ready: some Collection<pollfd>) -> Bool {
        let found = ready.map { Int32($0.revents) }
        let (hasOrders, end) = (found[0] & POLLIN != 0, POLLHUP | POLLERR)
        if !hasOrders, found[0] & end != 0 || found[1] & end != 0 { leave() }
        if found[2] != 0, case .end = receive(door) { leave() }
        return hasOrders && !isGone
    }

    /// It asked for an inventory and has got none since.
    var lacksInventory: Bool { wantsInventory && lastInventory == nil }

    /// The lines that have come.
    func receiveLines() throws(LineSplitter.LineTooLong) -> [Data] {
        var handed: Handed?
        let received = isHandedOver ? receive(line.input) : receive(door, handed: &handed)
        if let handed { take(handed) }
        switch received {
        case .bytes(let bytes):
            greet()
            return try splitter.take(bytes)
        case .nothing: return []
        case .end:
            isGone = true
            return []
        }
    }

    func leave() { isGone = true }

    /// Queues news. What is too long for a line is replaced by a complaint that says so.
    func tell(_ news: NewsLine) {
        do {
            let line = try Lines.encode(news)
            guard line.count <= Lines.longest + 1 else {
                return tell(
                    .complaint(text: "\(Self.subject(of: news)) is over \(Lines.longest) bytes and not sent"))
            }
            outbox += line
        } catch {
            tell(.complaint(text: "\(Self.subject(of: news)) cannot be written: \(error)"))
        }
    }

    /// Says hello to who has said something: by then it is known where it talks.
    private func greet() {
        guard !isGreeted, let hello = try? Hello(name: "agent").line else { return }
        isGreeted = true
        outbox += Data(hello.utf8)
    }

    /// From now on it talks there, without `agent attach` between us.
    private func take(_ handed: Handed) {
        closeLine()
        line = handed
        makeNonBlocking(line.input)
        makeNonBlocking(line.output)
    }

    private func closeLine() {
        guard isHandedOver else { return }
        close(line.input)
        close(line.output)
    }

    func tell(inventory: Inventory) {
        guard wantsInventory, lastInventory != inventory else { return }
        let changed = lastInventory.flatMap(inventory.changes)
        lastInventory = inventory
        tell(changed.map { .slots(changed: $0) } ?? .inventory(inventory: inventory))
    }

    /// The next inventory is told even if it is the same as the last.
    func asksForInventory() {
        wantsInventory = true
        lastInventory = nil
    }

    /// From now on, events of these runs, each from its offset.
    func follow(_ study: StudyID, from offsets: [RunID: Int], runs: [RunKey]) {
        studies.insert(study)
        for key in runs {
            cursors[key] = offsets[key.run] ?? 0
            noticeMore(of: key)
        }
    }

    /// A run's file has grown, or the run is new.
    func noticeMore(of key: RunKey) {
        guard studies.contains(key.study) else { return }
        if cursors[key] == nil { cursors[key] = 0 }
        if isUnread.insert(key).inserted { unread.append(key) }
    }

    /// Queues what the files have, as much as the client takes, a piece of each run in turn. That a run has
    /// ended is told once it is no longer `live`, with its processes gone and its slots free: who hears it
    /// may use them at once.
    func pump(_ store: RunStore, live: (RunKey) -> Bool) {
        while backlog < Self.enough, served < unread.count {
            let key = unread[served]
            served += 1
            let from = cursors[key] ?? 0
            let whole = EventReader.piece(of: store.folder(of: key).events, from: from)
            let piece = live(key) ? whole.beforeEnding : whole
            guard piece.end > from else {
                isUnread.remove(key)
                continue
            }
            cursors[key] = piece.end
            unread.append(key)
            guard !piece.bytes.isEmpty else { continue }
            tell(.events(run: key, from: piece.start, bytes: piece.bytes.count))
            outbox += piece.bytes
        }
        if served * 2 > unread.count {
            unread.removeFirst(served)
            served = 0
        }
    }

    /// Sends what the socket takes.
    func flush() {
        while backlog > 0 {
            let count = outbox.withUnsafeBytes {
                write(line.output, $0.baseAddress! + sent, backlog)
            }
            if count < 0 {
                if errno == EINTR { continue }
                if errno != EAGAIN { isGone = true }
                break
            }
            sent += count
        }
        if sent == outbox.count || sent > Self.tooMuch {
            outbox.removeFirst(sent)
            sent = 0
        }
    }

    private static func subject(of news: NewsLine) -> String {
        switch news {
        case .inventory, .slots: "the inventory"
        case .runs(let study, _): "the list of runs of \(study)"
        case .checkpoints(let study, _): "the list of checkpoints of \(study)"
        case .events(let run, let from, _): "events of \(run) from byte \(from) on"
        case .refused(let run, _): "the refusal of \(run)"
        case .complaint: "a complaint"
        case .beat: "a beat"
        }
    }
}
