import FleetModel

/// The wire form that study files and the ask/tell protocol share:
///
///     {"name":"lr","type":"float","low":1e-05,"high":0.1,"log":true}
///     {"name":"momentum","type":"float","low":0,"high":0.99,"when":{"optimizer":["sgd"]}}
extension Parameter: Codable {
    private enum Key: String, CodingKey {
        case name, type, low, high, log, step, choices, when
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        let when = try fields.decodeIfPresent([String: [ParameterValue]].self, forKey: .when)
        let step = try fields.decodeIfPresent(Double.self, forKey: .step)
        let isLog = try fields.decodeIfPresent(Bool.self, forKey: .log) ?? false
        let scale = step.map { Scale.step($0) } ?? (isLog ? .log : .linear)
        let domain: Domain =
            switch try fields.decode(Domain.Kind.self, forKey: .type) {
            case .float:
                .float(
                    low: try fields.decode(Double.self, forKey: .low),
                    high: try fields.decode(Double.self, forKey: .high), scale: scale)
            case .int:
                .int(
                    low: try fields.decode(Int.self, forKey: .low),
                    high: try fields.decode(Int.self, forKey: .high), scale: scale)
            case .categorical:
                .categorical(choices: try fields.decode([ParameterValue].self, forKey: .choices))
            }
        self.init(try fields.decode(String.self, forKey: .name), domain, when: when ?? [:])
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        try fields.encode(name, forKey: .name)
        try fields.encode(domain.kind, forKey: .type)
        switch domain {
        case .float(let low, let high, let scale):
            try fields.encode(low, forKey: .low)
            try fields.encode(high, forKey: .high)
            try encode(scale, to: &fields)
        case .int(let low, let high, let scale):
            try fields.encode(low, forKey: .low)
            try fields.encode(high, forKey: .high)
            try encode(scale, to: &fields)
        case .categorical(let choices):
            try fields.encode(choices, forKey: .choices)
        }
        if !when.isEmpty { try fields.encode(when, forKey: .when) }
    }

    private func encode(_ scale: Scale, to fields: inout KeyedEncodingContainer<Key>) throws {
        switch scale {
        case .linear: break
        case .log: try fields.encode(true, forKey: .log)
        case .step(let step): try fields.encode(step, forKey: .step)
        }
    }
}
