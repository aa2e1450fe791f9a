import CLinux
import Glibc
import Spawn

/// What the thread of `SSHLines` waits for: the bell, and for each line a socket, and a time to look at it at the
/// latest. By epoll, because poll would look at every socket each time that one is ready.
struct SSHWatch {
    /// Stands for the bell among the lines' numbers.
    private static let bellNumber = UInt64.max

    private let bell: Bell
    private let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    /// By number of a line.
    private var waits: [Int: pollfd] = [:]
    private var dues: [Int: Double] = [:]

    init(_ bell: Bell) {
        self.bell = bell
        control(EPOLL_CTL_ADD, bell.descriptor, Int16(POLLIN), Self.bellNumber)
    }

    /// What a line waits for from now on; a descriptor below 0: for its time alone. What it waited for before is
    /// still open, or has been closed with all that stood for it.
    mutating func set(_ number: Int, _ wait: pollfd, due: Double) {
        dues[number] = due
        let before = waits[number] ?? pollfd(fd: -1, events: 0, revents: 0)
        guard before.fd != wait.fd || before.events != wait.events else { return }
        waits[number] = wait
        if before.fd >= 0, before.fd != wait.fd { control(EPOLL_CTL_DEL, before.fd, 0, 0) }
        if wait.fd >= 0 {
            let what = before.fd == wait.fd ? EPOLL_CTL_MOD : EPOLL_CTL_ADD
            control(what, wait.fd, wait.events, UInt64(number))
        }
    }

    mutating func remove(_ number: Int) {
        set(number, pollfd(fd: -1, events: 0, revents: 0), due: .infinity)
        (waits[number], dues[number]) = (nil, nil)
    }

    /// Waits until the bell rings, or something has come or is due; answers the numbers of the lines for which
    /// something has come, and of those that are due.
    func wait() -> (ready: Set<Int>, due: [Int]) {
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        let left = (dues.values.min() ?? .infinity) - monotonicSeconds()
        let count = epoll_wait(
            epoll, &events, Int32(events.count), left > 0 ? Int32(min(left, 3_600) * 1_000) + 1 : 0)
        var ready: Set<Int> = []
        for event in events.prefix(Int(max(0, count))) {
            if event.data.u64 == Self.bellNumber { bell.silence() } else { ready.insert(Int(event.data.u64)) }
        }
        let now = monotonicSeconds()
        return (ready, dues.compactMap { $0.value <= now ? $0.key : nil })
    }

    /// - Parameter events: as of `poll`, whose bits are epoll's.
    private func control(_ what: Int32, _ descriptor: Int32, _ events: Int16, _ number: UInt64) {
        var event = epoll_event(events: UInt32(events), data: epoll_data_t(u64: number))
        epoll_ctl(epoll, what, descriptor, &event)
    }
}
