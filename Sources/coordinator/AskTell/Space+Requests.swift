import FleetModel
import Search

extension Space {
    /// `params` with each value as the space has it: whole numbers for `int`, floats for `float`, choices as
    /// they are listed.
    /// - Throws: where one is unknown or outside of its domain. Some may be missing.
    func canonical(_ params: Assignment) throws(Refusal) -> Assignment {
        var canonical: Assignment = [:]
        for parameter in parameters {
            guard let value = params[parameter.name] else { continue }
            guard let own = parameter.domain.own(value) else {
                throw .badValue("\(parameter.name) is \(value), expected \(parameter.domain)")
            }
            canonical[parameter.name] = own
        }
        guard canonical.count == params.count else {
            let names = parameters.map(\.name)
            let stranger = params.keys.filter { !names.contains($0) }.min() ?? ""
            throw .badValue("\(stranger) is not a parameter of the space")
        }
        return canonical
    }

    /// The same for a whole point of the space.
    func checked(_ params: Assignment) throws(Refusal) -> Assignment {
        let canonical = try canonical(params)
        if let problem = problem(with: canonical) { throw .badValue(problem) }
        return canonical
    }
}

extension Domain {
    /// The domain's own spelling of `value`; nil where it lies outside.
    fileprivate func own(_ value: ParameterValue) -> ParameterValue? {
        let own: ParameterValue? =
            switch self {
            case .float: value.number.map(ParameterValue.float)
            case .int: value.number.flatMap { Int(exactly: $0) }.map(ParameterValue.int)
            case .categorical(let choices): choices.first { $0 == value }
            }
        return own.flatMap { contains($0) ? $0 : nil }
    }
}
