import FleetModel

/// What a client asks for, in the right form; whether it fits the study is for the study to say.
enum Request {
    case hello
    /// For up to so many trials, at least 1.
    case ask(Int)
    case tell(trial: Int, Outcome)
    /// `value` is nil where the client's is no number: null, or beyond the doubles.
    case report(trial: Int, Step)
    case add(params: Assignment, Outcome, steps: [Step])
    case enqueue(params: Assignment)
    case best

    /// How a trial ended.
    enum Outcome {
        /// One for each objective; nil for one that is no number.
        case values([Double?])
        case failed
        /// Given up by the client. Trials from elsewhere may bring values.
        case pruned([Double?] = [])
    }

    /// A value at a step, which is at least 1.
    struct Step {
        let step: Int
        let value: Double?
    }
}

/// One line of a client: its request, or what is wrong with it, and the `id` to be echoed.
struct RequestLine {
    let request: Result<Request, Refusal>
    /// As the client wrote it.
    let id: String?

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        var id: String?
        do throws(Refusal) {
            let value = try Self.value(of: bytes)
            guard case .object(let members) = value else {
                throw .badRequest("a request is an object, not \(value.kind)")
            }
            if let place = members.first(where: { $0.name == "id" })?.place {
                id = String(decoding: bytes[place], as: UTF8.self)
            }
            request = .success(try Request(members))
        } catch {
            request = .failure(error)
        }
        self.id = id
    }

    private static func value(of bytes: UnsafeBufferPointer<UInt8>) throws(Refusal) -> JSONValue {
        do {
            return try JSONReader.read(bytes)
        } catch {
            throw Refusal(code: .badJSON, message: "\(error)")
        }
    }
}

extension Request {
    /// By command, the keys that may stand beside it.
    private static let commands: [(name: String, keys: [String])] = [
        ("tell", ["value", "values", "state"]), ("report", ["step", "value"]), ("ask", []), ("add", []),
        ("enqueue", []), ("best", []), ("hello", []),
    ]

    init(_ members: [JSONValue.Member]) throws(Refusal) {
        let named = Self.commands.filter { command in members.contains { $0.name == command.name } }
        guard let command = named.first else {
            throw .badRequest("no command: expected one of hello, ask, tell, report, add, enqueue, best")
        }
        guard named.count == 1 else {
            throw .badRequest("more than one command: \(named.map(\.name).joined(separator: ", "))")
        }
        let fields = try Fields(members, in: "a request", known: [command.name] + command.keys + ["id"])
        switch command.name {
        case "hello":
            try fields.one("hello")
            self = .hello
        case "best":
            try fields.one("best")
            self = .best
        case "ask": self = .ask(try fields.whole("ask", from: 1))
        case "tell": self = .tell(trial: try fields.whole("tell"), try Outcome(fields))
        case "report":
            let trial = try fields.whole("report")
            let step = try fields.whole("step", from: 1)
            guard let value = fields["value"] else { throw .badRequest("a report needs a value") }
            self = .report(trial: trial, Step(step: step, value: try .init(result: value, "value")))
        case "add":
            self = try Self.added(try fields.object("add", known: ["params"] + Outcome.keys + ["steps"]))
        default:
            let inside = try fields.object("enqueue", known: ["params"])
            self = .enqueue(params: try inside.params())
        }
    }

    private static func added(_ fields: Fields) throws(Refusal) -> Request {
        .add(
            params: try fields.params(), try Outcome(fields, isFromElsewhere: true),
            steps: try fields.steps())
    }
}

extension Request.Outcome {
    static let keys = ["value", "values", "state"]

    /// From `value`, `values` and `state`. A result that is missing, or that is no number, is a failed trial.
    init(_ fields: Fields, isFromElsewhere: Bool = false) throws(Refusal) {
        let values = try Self.values(fields)
        guard let state = fields["state"] else {
            self = values.map { .values($0) } ?? .failed
            return
        }
        guard case .string(let name) = state, ["complete", "pruned", "fail"].contains(name) else {
            throw .badRequest("state is \(state.shown), expected \"complete\", \"pruned\" or \"fail\"")
        }
        switch name {
        case "complete":
            guard let values else { throw .badRequest("a complete trial has a value") }
            self = .values(values)
        case "fail":
            guard values == nil else { throw .badRequest("a failed trial has no value") }
            self = .failed
        default:
            guard values == nil || isFromElsewhere else {
                throw .badRequest("a pruned trial has no value: its last report counts")
            }
            self = .pruned(values ?? [])
        }
    }

    /// nil where there are none, or null in their place.
    private static func values(_ fields: Fields) throws(Refusal) -> [Double?]? {
        switch (fields["value"], fields["values"]) {
        case (nil, nil), (.null?, nil), (nil, .null?): return nil
        case (let value?, nil): return [try .init(result: value, "value")]
        case (nil, .array(let items)?):
            var values: [Double?] = []
            for item in items { values.append(try .init(result: item, "values")) }
            return values
        case (nil, let other?): throw .badRequest("values is \(other.shown), expected a list of numbers")
        case (_?, _?): throw .badRequest("value and values: expected one of the two")
        }
    }
}

extension Double? {
    /// A result: nil for null and for what is beyond the doubles.
    init(result value: JSONValue, _ name: String) throws(Refusal) {
        if case .null = value {
            self = nil
            return
        }
        guard let number = value.number else {
            throw .badRequest("\(name) is \(value.shown), expected a number")
        }
        self = number.isFinite ? number : nil
    }
}
