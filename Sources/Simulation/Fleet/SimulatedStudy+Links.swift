import FleetModel

/// Connections and what passes through them.
extension SimulatedStudy {
    mutating func planConnection(to node: Int, after seconds: Double) {
        guard !links[node].isAttemptPlanned else { return }
        links[node].isAttemptPlanned = true
        heap.push(.connect(node: node), at: now + seconds)
    }

    mutating func connect(_ node: Int) {
        links[node].isAttemptPlanned = false
        guard coordinator.isUp, !links[node].isConnected else { return }
        let answers = nodes[node].hostIsUp && nodes[node].agentIsUp && now >= links[node].blockedUntil
        guard answers else {
            if links[node].attempts == 0 { post(.disconnected(node: node)) }
            return planConnection(to: node, after: links[node].backOff(&random))
        }
        links[node].connect()
        nodes[node].client = AgentClient()
        tracer?.note(now, "\(nodes[node].id)  connected")
        post(.connected(node: node))
    }

    /// Ends the connection; what is under way is lost, what has arrived is not.
    mutating func cut(_ node: Int) {
        guard links[node].isConnected else { return }
        links[node].cut()
        nodes[node].client = nil
        tracer?.note(now, "\(nodes[node].id)  connection cut")
        guard coordinator.isUp else { return }
        post(.disconnected(node: node))
        planConnection(to: node, after: links[node].backOff(&random))
    }

    /// To an agent. Without a connection it is dropped.
    mutating func send(_ order: FleetOrder, to node: Int) {
        guard links[node].isConnected else { return }
        for _ in 0..<copies {
            let time = arrival(after: max(links[node].orders.lastArrival, links[node].frozenUntil))
            links[node].orders.lastArrival = time
            links[node].orders.queue.append(order)
            heap.push(.order(node: node, epoch: links[node].epoch), at: time)
        }
    }

    /// To the coordinator.
    mutating func tell(_ news: FleetNews, from node: Int) {
        guard links[node].isConnected, nodes[node].client != nil else { return }
        for _ in 0..<copies {
            let time = arrival(after: max(links[node].news.lastArrival, links[node].frozenUntil))
            links[node].news.lastArrival = time
            if let last = links[node].news.queue.last, last.mayOvertake(news),
                random.chance(scenario.faults.overtakeShare)
            {
                links[node].news.queue.last = news
                links[node].news.queue.append(last)
            } else {
                links[node].news.queue.append(news)
            }
            heap.push(.news(node: node, epoch: links[node].epoch), at: time)
        }
    }

    private var isCalm: Bool { now >= scenario.faults.calmAfterSeconds }

    private var copies: Int {
        mutating get {
            let share = scenario.faults.doubleShare
            return share > 0 && !isCalm && random.chance(share) ? 2 : 1
        }
    }

    private mutating func arrival(after last: Double) -> Double {
        let faults = scenario.faults
        var delay = faults.delaySeconds * (0.5 + random.unit())
        if faults.stallShare > 0, !isCalm, random.chance(faults.stallShare) { delay += faults.stallSeconds }
        return max(last, now + delay)
    }

    mutating func arriveOrder(at node: Int, _ epoch: Int) {
        guard links[node].epoch == epoch, let order = links[node].orders.queue.takeFirst() else { return }
        carryOut(order, at: node)
    }

    mutating func arriveNews(from node: Int, _ epoch: Int) {
        guard links[node].epoch == epoch, let news = links[node].news.queue.takeFirst() else { return }
        post(.news(node: node, news))
    }
}
