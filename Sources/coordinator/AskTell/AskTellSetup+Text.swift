import FleetModel
import Search
import StudyCore

/// A study as it was begun, as it is kept; and how it compares with what it is asked to be now.
struct StoredSetup {
    let file: SpaceFile
    let sampler: Part
    let pruner: Part
    let seed: UInt64

    /// A sampler or pruner with all its options.
    struct Part: Equatable {
        let name: String
        let options: [String: Double]

        /// As `--sampler-option` and `--pruner-option` take them.
        var words: [String] {
            options.sorted { $0.key < $1.key }.map { name, value in
                Int(exactly: value).map { "\(name)=\($0)" } ?? "\(name)=\(value)"
            }
        }
    }

    /// - Throws: where `text` was not written by `AskTellSetup.text`.
    init(_ text: String) throws(SpaceFileError) {
        let root: JSONValue
        do {
            root = try JSONReader.read(text)
        } catch {
            throw SpaceFileError("", "\(error)")
        }
        let fields = try SpaceFields(root, at: "", keys: ["space", "sampler", "pruner", "seed"])
        guard let space = fields["space"], let seed = UInt64(try fields.string("seed")) else {
            throw SpaceFileError("", "it lacks its space or seed")
        }
        file = try SpaceFile(space)
        sampler = try Self.part("sampler", fields)
        pruner = try Self.part("pruner", fields)
        self.seed = seed
    }

    private static func part(_ key: String, _ fields: SpaceFields) throws(SpaceFileError) -> Part {
        guard let value = fields[key], case .object(let members)? = fields[key],
            case .object(let options)? = members.last?.value
        else { throw SpaceFileError(key, "it is missing") }
        let name = try SpaceFields(value, at: key, keys: ["name", "options"]).string("name")
        let numbers = options.compactMap { option in option.value.number.map { (option.name, $0) } }
        return Part(name: name, options: Dictionary(numbers) { _, last in last })
    }
}

extension AskTellSetup {
    var text: String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("space")
            file.write(to: &writer)
            writer.part("sampler", sampler.name, sampler.options)
            writer.part("pruner", pruner.name, pruner.options)
            // A string: few readers have whole numbers of 64 bits.
            writer.member("seed", "\(seed)")
        }
        return writer.text
    }
}

extension JSONWriter {
    fileprivate mutating func part(_ key: String, _ name: String, _ options: [String: Double]) {
        self.key(key)
        object { writer in
            writer.member("name", name)
            writer.key("options")
            writer.object { writer in
                for option in options.sorted(by: { $0.key < $1.key }) {
                    writer.key(option.key)
                    writer.write(option.value)
                }
            }
        }
    }
}

extension SpaceFile {
    /// In its own form, with everything said.
    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.array("params", space.parameters) { writer, parameter in parameter.write(to: &writer) }
            writer.array("objectives", objectives) { writer, objective in
                writer.object { writer in
                    writer.member("name", objective.metric)
                    writer.member("direction", objective.direction.rawValue)
                }
            }
            if let minStep { writer.member("min_step", minStep) }
            if let maxStep { writer.member("max_step", maxStep) }
        }
    }

    /// In what `other` differs, in words; nil where it does not.
    func difference(from other: SpaceFile) -> String? {
        let (mine, theirs) = (space.parameters, other.space.parameters)
        for (index, (mine, theirs)) in zip(mine, theirs).enumerated() where mine != theirs {
            return "params[\(index)] (\(mine.name)) differs"
        }
        if mine.count != theirs.count { return "it has \(mine.count) parameters, not \(theirs.count)" }
        if objectives != other.objectives { return "objectives differ" }
        if minStep != other.minStep { return "min_step differs" }
        return maxStep != other.maxStep ? "max_step differs" : nil
    }
}

extension Parameter {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", name)
            switch domain {
            case .float(let low, let high, let scale):
                writer.member("type", "float")
                writer.range(.float(low), .float(high), scale)
            case .int(let low, let high, let scale):
                writer.member("type", "int")
                writer.range(.int(low), .int(high), scale)
            case .categorical(let choices):
                writer.member("type", "categorical")
                writer.array("choices", choices) { writer, choice in writer.write(choice) }
            }
            guard !when.isEmpty else { return }
            writer.key("when")
            writer.object { writer in
                for (parent, listed) in when.sorted(by: { $0.key < $1.key }) {
                    writer.array(parent, listed) { writer, value in writer.write(value) }
                }
            }
        }
    }
}

extension JSONWriter {
    fileprivate mutating func range(_ low: ParameterValue, _ high: ParameterValue, _ scale: Scale) {
        key("low")
        write(low)
        key("high")
        write(high)
        switch scale {
        case .linear: break
        case .log: member("log", true)
        case .step(let step):
            key("step")
            write(step)
        }
    }
}
