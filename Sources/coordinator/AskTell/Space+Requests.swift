import FleetModel
import Search

extension Space {
    /// A point of the space from a client, as the space writes it: whole numbers for `int`, floats for
    /// `float`, choices as they are listed.
    func checked(_ params: Assignment) throws(Refusal) -> Assignment {
        do {
            return try normalised(params)
        } catch {
            throw .badValue("\(error)")
        }
    }
}
