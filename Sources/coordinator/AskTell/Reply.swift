import FleetModel
import Search

/// What a request is answered with.
enum Reply {
    case hello(sampler: String, pruner: String, seed: UInt64, finished: Int, running: [Int])
    case trials([Given])
    /// Nothing can be given before the next tell or report.
    case wait
    /// The space is exhausted.
    case done
    case ok
    case decision(Decision)
    /// A trial from elsewhere has this number now.
    case added(trial: Int)
    case best([Finished])

    /// A trial to run.
    struct Given: Hashable {
        let trial: Int
        let params: Assignment
        /// The step of the checkpoint to go on from; nil for a new trial.
        var resume: Int?
        /// The first step at which something may be decided, where that is known.
        var until: Int?
    }

    struct Finished: Hashable {
        let trial: Int
        /// One for each objective, as they were told.
        let values: [Double]
        let params: Assignment
    }

    /// What becomes of a running trial after a report.
    enum Decision: Hashable {
        case go
        /// The trial is finished.
        case stop
        /// The trial waits, until an ask gives it again or for ever.
        case pause
        /// Go on from the checkpoint that trial `from` had at `step`, with these parameters.
        case exploit(from: Int, step: Int, params: Assignment)
    }
}

extension Reply {
    func write(to writer: inout JSONWriter, id: String?, _ space: Space) {
        writer.object { writer in
            switch self {
            case .hello(let sampler, let pruner, let seed, let finished, let running):
                writer.member("protocol", 1)
                writer.member("sampler", sampler)
                writer.member("pruner", pruner)
                writer.key("seed")
                writer.raw("\(seed)")
                writer.member("finished", finished)
                writer.list("running", running, before: id) { writer, trial in writer.write(trial) }
            case .trials(let trials):
                writer.array("trials", trials) { writer, given in given.write(to: &writer, space) }
            case .wait: writer.empty(because: "wait")
            case .done: writer.empty(because: "done")
            case .ok: writer.member("ok", true)
            case .decision(let decision): decision.write(to: &writer, space)
            case .added(let trial): writer.member("trial", trial)
            case .best(let trials):
                writer.list("best", trials, before: id) { $1.write(to: &$0, space) }
            }
            writer.id(id)
        }
    }
}

extension Refusal {
    func write(to writer: inout JSONWriter, id: String?) {
        writer.object { writer in
            writer.key("error")
            writer.object { writer in
                writer.member("code", code.rawValue)
                writer.member("message", message)
            }
            writer.id(id)
        }
    }
}

extension Reply.Given {
    fileprivate func write(to writer: inout JSONWriter, _ space: Space) {
        writer.object { writer in
            writer.member("trial", trial)
            writer.params(params, space)
            if let resume { writer.member("resume", resume) }
            if let until { writer.member("until", until) }
        }
    }
}

extension Reply.Finished {
    fileprivate func write(to writer: inout JSONWriter, _ space: Space) {
        writer.object { writer in
            writer.member("trial", trial)
            if values.count == 1 {
                writer.key("value")
                writer.write(values[0])
            } else {
                writer.array("values", values) { writer, value in writer.write(value) }
            }
            writer.params(params, space)
        }
    }
}

extension Reply.Decision {
    var name: String {
        switch self {
        case .go: "continue"
        case .stop: "stop"
        case .pause: "pause"
        case .exploit: "exploit"
        }
    }

    func write(to writer: inout JSONWriter, _ space: Space) {
        writer.member("decision", name)
        guard case .exploit(let from, let step, let params) = self else { return }
        writer.member("from", from)
        writer.member("step", step)
        writer.params(params, space)
    }
}

extension JSONWriter {
    mutating func member(_ name: String, _ value: Int) {
        key(name)
        write(value)
    }

    mutating func member(_ name: String, _ value: Bool) {
        key(name)
        write(value)
    }

    mutating func member(_ name: String, _ value: String) {
        key(name)
        write(value)
    }

    mutating func array<Item>(
        _ name: String, _ items: [Item], _ body: (inout JSONWriter, Item) -> Void
    ) {
        key(name)
        array { writer in
            for item in items { body(&writer, item) }
        }
    }

    /// As many of `items` as fit into a line that ends with `id`; how many do not is its own member, `more`.
    fileprivate mutating func list<Item>(
        _ name: String, _ items: [Item], before id: String?, _ body: (inout JSONWriter, Item) -> Void
    ) {
        // Beside them come their own end, `more` and the key of `id`.
        let room = LineBuffer.longest - 64 - (id?.utf8.count ?? 0)
        var left = items[...]
        key(name)
        array { writer in
            while let item = left.first, writer.writeWithin(room, { body(&$0, item) }) { left.removeFirst() }
        }
        if !left.isEmpty { member("more", left.count) }
    }

    /// `params`, in the order of the space.
    mutating func params(_ params: Assignment, _ space: Space) {
        key("params")
        object { writer in
            for parameter in space.parameters {
                guard let value = params[parameter.name] else { continue }
                writer.key(parameter.name)
                writer.write(value)
            }
        }
    }

    mutating func write(_ value: ParameterValue) {
        switch value {
        case .float(let number): write(number)
        case .int(let int): write(int)
        case .string(let string): write(string)
        case .bool(let bool): write(bool)
        }
    }

    fileprivate mutating func empty(because name: String) {
        array("trials", [Int]()) { _, _ in }
        member(name, true)
    }

    fileprivate mutating func id(_ id: String?) {
        guard let id else { return }
        key("id")
        raw(id)
    }
}
