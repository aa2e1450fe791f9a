import FleetModel

/// One node's link: a stream in each direction, as a pipe or SSH gives it. What the network below loses or
/// reorders shows as delay or ends the connection, and with it everything that is under way. What comes
/// twice comes from our own side of the stream, which may repeat every message.
struct Link {
    /// Counts connections: what was sent through an earlier one never arrives.
    var epoch = 0
    var isConnected = false
    /// No connection comes about before.
    var blockedUntil = 0.0
    /// Nothing arrives before.
    var frozenUntil = 0.0
    /// Attempts since the last connection, for the back-off.
    var attempts = 0
    /// The next attempt stands in the heap.
    var isAttemptPlanned = false
    var orders = Stream<FleetOrder>()
    var news = Stream<FleetNews>()

    /// Messages under way in one direction.
    struct Stream<Message> {
        var queue = Queue<Message>()
        /// When the last of them arrives: none overtakes another.
        var lastArrival = 0.0

        mutating func reset() {
            queue.removeAll()
            lastArrival = 0
        }
    }

    mutating func connect() {
        epoch += 1
        isConnected = true
        attempts = 0
        orders.reset()
        news.reset()
    }

    mutating func cut() {
        epoch += 1
        isConnected = false
        orders.reset()
        news.reset()
    }

    /// Seconds until the next attempt to connect, as `FleetLink.BackOff` has them.
    mutating func backOff(_ random: inout SeededGenerator) -> Double {
        attempts += 1
        return min(0.1 * pow(2, Double(min(attempts, 10) - 1)), 5) * (0.5 + random.unit() / 2)
    }
}

extension FleetNews {
    /// Whether two messages may change places: they are about different things, so no promise of order
    /// binds them. `runs` is a snapshot of everything and stays where it is.
    func mayOvertake(_ other: FleetNews) -> Bool {
        switch (self, other) {
        case (.events(let a, _), .events(let b, _)): a != b
        case (.events, .inventory), (.inventory, .events): true
        case (.refused(let a, _), .events(let b, _)), (.events(let a, _), .refused(let b, _)): a != b
        case (.refused, .inventory), (.inventory, .refused): true
        case (.refused(let a, _), .refused(let b, _)): a != b
        case (.inventory, .inventory), (.runs, _), (_, .runs), (.checkpoints, _), (_, .checkpoints): false
        }
    }
}
