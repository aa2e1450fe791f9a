import Glibc
import Spawn

/// What the thread of `SSHLines` waits for: for each line a socket, and a time to look at it at the latest.
struct SSHWatch {
    private let bell: Bell
    /// The bell's, then one for each line.
    private var waits: [pollfd]
    /// By place in `waits`, as are the lines' numbers.
    private var dues: [Double] = [.infinity]
    private var numbers = [-1]
    private var places: [Int: Int] = [:]

    init(_ bell: Bell) {
        self.bell = bell
        waits = [pollfd(fd: bell.descriptor, events: Int16(POLLIN), revents: 0)]
    }

    mutating func set(_ number: Int, _ wait: pollfd, due: Double) {
        if let place = places[number] {
            (waits[place], dues[place]) = (wait, due)
        } else {
            places[number] = waits.count
            waits.append(wait)
            dues.append(due)
            numbers.append(number)
        }
    }

    mutating func remove(_ number: Int) {
        guard let place = places.removeValue(forKey: number) else { return }
        let last = waits.count - 1
        if place != last {
            (waits[place], dues[place], numbers[place]) = (waits[last], dues[last], numbers[last])
            places[numbers[place]] = place
        }
        waits.removeLast()
        dues.removeLast()
        numbers.removeLast()
    }

    /// Waits until the bell rings, or something has come or is due; answers the numbers of those lines.
    mutating func wait() -> Set<Int> {
        let left = dues.min()! - monotonicSeconds()
        _ = poll(&waits, nfds_t(waits.count), left > 0 ? Int32(min(left, 3_600) * 1_000) + 1 : 0)
        if waits[0].revents != 0 { bell.silence() }
        let now = monotonicSeconds()
        return Set((1..<waits.count).filter { waits[$0].revents != 0 || dues[$0] <= now }.map { numbers[$0] })
    }
}
