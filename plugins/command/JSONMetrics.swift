import FoundationEssentials
import Wire

/// The numbers of a line that is a JSON object.
///
/// Python writes NaN and Infinity bare, as JSON5 does; others write them as texts. Members of members are named
/// `train.loss`.
enum JSONMetrics {
    /// As most lines are, at a twentieth of a decoder's cost; nil: ask `any`.
    static func plain(_ line: String) -> [String: Double]? {
        guard let members = PlainJSON.members(of: line) else { return nil }
        var metrics = [String: Double](minimumCapacity: members.count)
        for member in members {
            switch member.value {
            case .number(let number): metrics[member.name] = number
            case .text(let text): metrics[member.name] = notFinite(text)
            case .nothing: break
            }
        }
        return metrics
    }

    static func any(_ line: String) -> [String: Double]? {
        let decoder = JSONDecoder()
        decoder.allowsJSON5 = true
        guard let object = try? decoder.decode([String: Measured].self, from: Data(line.utf8)) else {
            return nil
        }
        var metrics: [String: Double] = [:]
        for (name, value) in object { value.collect(name, into: &metrics) }
        return metrics
    }

    /// Texts count only where they say that they are no number: `"nan"`.
    fileprivate static func notFinite(_ text: String) -> Double? {
        Double(text).flatMap { $0.isFinite ? nil : $0 }
    }
}

/// A value of a JSON object, as far as it holds numbers.
private enum Measured: Decodable {
    case number(Double)
    case members([String: Measured])
    case nothing

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else if let text = try? value.decode(String.self) {
            self = JSONMetrics.notFinite(text).map(Self.number) ?? .nothing
        } else {
            self = (try? value.decode([String: Measured].self)).map(Self.members) ?? .nothing
        }
    }

    func collect(_ name: String, into metrics: inout [String: Double]) {
        switch self {
        case .number(let number): metrics[name] = number
        case .members(let members):
            for (inner, value) in members { value.collect("\(name).\(inner)", into: &metrics) }
        case .nothing: break
        }
    }
}
