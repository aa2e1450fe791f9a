import FleetModel
import Search

/// Changes as they are kept: an object each, `tell`, `add`, `enqueue` and `report` as their requests, the
/// last with its decision.
extension Change {
    func text(_ space: Space) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            switch self {
            case .began(let params, let isEnqueued):
                writer.member("began", isEnqueued ? "enqueued" : "proposed")
                writer.params(params, space)
            case .resumed(let trial): writer.member("resumed", trial)
            case .reported(let trial, let report, let decision):
                writer.member("report", trial)
                writer.member("step", report.step)
                writer.key("value")
                writer.write(report.value)
                decision.write(to: &writer, space)
            case .told(let trial, let outcome):
                writer.member("tell", trial)
                outcome.write(to: &writer)
            case .added(let params, let outcome, let steps):
                writer.key("add")
                writer.object { writer in
                    writer.params(params, space)
                    outcome.write(to: &writer)
                    writer.steps(steps)
                }
            case .enqueued(let params):
                writer.key("enqueue")
                writer.object { writer in writer.params(params, space) }
            }
        }
        return writer.text
    }

    /// - Throws: where `text` is none that was written by `text`.
    init(_ text: String) throws(Refusal) {
        guard case .object(let members)? = try? JSONReader.read(text), let first = members.first else {
            throw .badRequest("found no change")
        }
        switch first.name {
        case "began":
            let fields = try Fields(members, in: "a change", known: ["began", "params"])
            guard case .string(let source) = first.value else { throw .badRequest("found no source") }
            self = .began(try fields.params(), isEnqueued: source == "enqueued")
        case "resumed":
            self = .resumed(try Fields(members, in: "a change", known: ["resumed"]).whole("resumed"))
        case "report":
            let request = Array(members.prefix(3))
            let fields = try Fields(
                Array(members.dropFirst(3)), in: "a change", known: ["decision", "from", "step", "params"])
            guard case .report(let trial, let report) = try Request(request) else {
                throw .badRequest("found no report")
            }
            self = .reported(trial, report, try Reply.Decision(fields))
        default: try self.init(try Request(members))
        }
    }

    private init(_ request: Request) throws(Refusal) {
        switch request {
        case .tell(let trial, let outcome): self = .told(trial, outcome)
        case .add(let params, let outcome, let steps): self = .added(params, outcome, steps)
        case .enqueue(let params): self = .enqueued(params)
        case .hello, .best, .ask, .report: throw .badRequest("found a request that changes nothing")
        }
    }
}

extension Reply.Decision {
    fileprivate init(_ fields: Fields) throws(Refusal) {
        guard case .string(let name)? = fields["decision"] else { throw .badRequest("found no decision") }
        switch name {
        case Reply.Decision.go.name: self = .go
        case Reply.Decision.stop.name: self = .stop
        case Reply.Decision.pause.name: self = .pause
        default:
            self = .exploit(
                from: try fields.whole("from"), step: try fields.whole("step"), params: try fields.params())
        }
    }
}

extension Request.Outcome {
    fileprivate func write(to writer: inout JSONWriter) {
        switch self {
        case .values(let values): writer.array("values", values) { writer, value in writer.write(value) }
        case .failed: writer.member("state", "fail")
        case .pruned(let values):
            writer.member("state", "pruned")
            if !values.isEmpty {
                writer.array("values", values) { writer, value in writer.write(value) }
            }
        }
    }
}

extension JSONWriter {
    fileprivate mutating func write(_ result: Double?) {
        if let result { write(result) } else { raw("null") }
    }

    fileprivate mutating func steps(_ steps: [Request.Step]) {
        guard !steps.isEmpty else { return }
        array("steps", steps) { writer, step in
            writer.array { writer in
                writer.write(step.step)
                writer.write(step.value)
            }
        }
    }
}
