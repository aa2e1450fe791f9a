import FleetModel
import Search

extension Space {
    /// A point of the space from a client, as the space writes it: whole numbers for `int`, floats for
    /// `float`, choices as they are listed.
    func checked(_ params: Assignment) throws(Refusal) -> Assignment {
        do {
            return restoring(params, in: try normalised(params))
        } catch {
            throw .badValue("\(error)")
        }
    }

    /// Floats of steps lie on their grid up to rounding, and come back as the client gave them.
    func restoring(_ given: Assignment, in point: Assignment) -> Assignment {
        var restored = point
        for parameter in parameters where parameter.domain.kind == .float {
            guard let number = given[parameter.name]?.number else { continue }
            restored[parameter.name] = .float(number)
        }
        return restored
    }
}
