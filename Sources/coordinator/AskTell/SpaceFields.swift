import FleetModel

/// What is wrong with a space file, and where.
struct SpaceFileError: Error, CustomStringConvertible {
    let description: String

    init(_ place: String, _ problem: String) {
        description = place.isEmpty ? problem : "\(place): \(problem)"
    }

    init(_ place: String, _ found: String, _ expected: String, nearest: String? = nil) {
        let hint = nearest.map { " (did you mean \($0)?)" } ?? ""
        self.init(place, "found \(found), expected \(expected)\(hint)")
    }
}

/// An object in a space file: each key known and there once.
struct SpaceFields {
    private let place: String
    private let members: [JSONValue.Member]

    init(_ value: JSONValue, at place: String, keys: [String]) throws(SpaceFileError) {
        guard case .object(let members) = value else {
            throw SpaceFileError(place, value.shown, "an object")
        }
        self.place = place
        self.members = members
        for (index, member) in members.enumerated() {
            guard keys.contains(member.name) else {
                throw SpaceFileError(
                    path(member.name), "an unknown key", "one of \(keys.joined(separator: ", "))",
                    nearest: nearestName(to: member.name, among: keys))
            }
            guard !members[..<index].contains(where: { $0.name == member.name }) else {
                throw error(member.name, "the key a second time", "each key once")
            }
        }
    }

    subscript(name: String) -> JSONValue? { members.first { $0.name == name }?.value }

    func path(_ name: String) -> String { place.isEmpty ? name : "\(place).\(name)" }

    func error(_ name: String, _ found: String, _ expected: String) -> SpaceFileError {
        SpaceFileError(path(name), found, expected)
    }

    private func wrong(_ name: String, _ expected: String) -> SpaceFileError {
        error(name, self[name]?.shown ?? "nothing", expected)
    }

    func string(_ name: String) throws(SpaceFileError) -> String {
        guard case .string(let string)? = self[name] else { throw wrong(name, "a string") }
        return string
    }

    func optionalString(_ name: String) throws(SpaceFileError) -> String? {
        self[name] == nil ? nil : try string(name)
    }

    func number(_ name: String) throws(SpaceFileError) -> Double {
        guard let number = self[name]?.number else { throw wrong(name, "a number") }
        return number
    }

    func optionalNumber(_ name: String) throws(SpaceFileError) -> Double? {
        self[name] == nil ? nil : try number(name)
    }

    func whole(_ name: String, from least: Int = .min) throws(SpaceFileError) -> Int {
        guard let whole = self[name]?.whole, whole >= least else {
            throw wrong(name, least == .min ? "a whole number" : "a whole number of at least \(least)")
        }
        return whole
    }

    func optionalWhole(_ name: String, from least: Int) throws(SpaceFileError) -> Int? {
        self[name] == nil ? nil : try whole(name, from: least)
    }

    func optionalBool(_ name: String) throws(SpaceFileError) -> Bool? {
        guard let value = self[name] else { return nil }
        guard case .bool(let bool) = value else { throw wrong(name, "true or false") }
        return bool
    }

    func list(_ name: String) throws(SpaceFileError) -> [JSONValue] {
        guard case .array(let items)? = self[name] else { throw wrong(name, "a list") }
        return items
    }

    /// A list of strings, numbers and truth values.
    func scalars(_ name: String) throws(SpaceFileError) -> [ParameterValue] {
        var values: [ParameterValue] = []
        for (index, item) in try list(name).enumerated() {
            guard let value = ParameterValue(item) else {
                throw SpaceFileError(
                    "\(path(name))[\(index)]", item.shown, "a string, a number or a truth value")
            }
            values.append(value)
        }
        return values
    }
}
