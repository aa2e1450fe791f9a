import FleetModel
import Glibc

@testable import coordinator

/// A dialogue with a study in memory, line by line as on the wire.
struct Dialogue {
    /// The space file of ASK_TELL.md.
    static let space = """
        {"params": [
           {"name":"lr",    "type":"float", "low":1e-5, "high":1, "log":true},
           {"name":"drop",  "type":"float", "low":0, "high":0.5, "step":0.1},
           {"name":"layers","type":"int",   "low":1, "high":8},
           {"name":"batch", "type":"int",   "low":8, "high":512, "log":true},
           {"name":"opt",   "type":"categorical", "choices":["sgd","adam"]},
           {"name":"mom",   "type":"float", "low":0, "high":0.99, "when":{"opt":["sgd"]}}],
         "objectives": [{"name":"loss","direction":"minimize"}],
         "min_step": 1, "max_step": 81}
        """

    var session: AskTellSession

    init(
        _ space: String = Self.space, sampler: String = "tpe", pruner: String = "none", seed: UInt64 = 7,
        samplerOptions: [String] = [], prunerOptions: [String] = []
    ) throws {
        let setup = try Self.setup(
            space, sampler: sampler, pruner: pruner, seed: seed, samplerOptions: samplerOptions,
            prunerOptions: prunerOptions)
        session = AskTellSession(AskTellStudy(setup))
    }

    static func setup(
        _ space: String = Self.space, sampler: String = "tpe", pruner: String = "none", seed: UInt64 = 7,
        samplerOptions: [String] = [], prunerOptions: [String] = []
    ) throws -> AskTellSetup {
        try AskTellSetup(
            SpaceFile(parsing: space), sampler: sampler, samplerOptions: samplerOptions, pruner: pruner,
            prunerOptions: prunerOptions, seed: seed)
    }

    /// The reply to one line, without its end; empty for a blank line.
    mutating func say(_ line: String) throws -> String { try say(bytes: Array(line.utf8)) }

    mutating func say(bytes: [UInt8]) throws -> String {
        bytes.withUnsafeBufferPointer { session.take(.whole($0)) }
        let text = try session.settle()
        return String(text.dropLast())
    }

    /// The reply, read.
    mutating func ask(_ line: String) throws -> JSONValue { try JSONReader.read(say(line)) }

    /// Asks for one trial. Its number and parameters.
    mutating func trial() throws -> (number: Int, params: Assignment) {
        guard let given = try ask(#"{"ask":1}"#)["trials"]?[0], let number = given["trial"]?.whole else {
            throw NoTrial()
        }
        return (number, given["params"]?.params ?? [:])
    }

    struct NoTrial: Error {}
}

extension JSONValue {
    subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    subscript(index: Int) -> JSONValue? {
        guard case .array(let items) = self, items.indices.contains(index) else { return nil }
        return items[index]
    }

    var text: String? {
        guard case .string(let string) = self else { return nil }
        return string
    }

    var code: String? { self["error"]?["code"]?.text }

    var names: [String] {
        guard case .object(let members) = self else { return [] }
        return members.map(\.name)
    }

    var count: Int {
        guard case .array(let items) = self else { return 0 }
        return items.count
    }

    var params: Assignment? {
        guard case .object(let members) = self else { return nil }
        let pairs = members.compactMap { member in
            ParameterValue(member.value).map { (member.name, $0) }
        }
        return Assignment(uniqueKeysWithValues: pairs)
    }
}

/// A pipe of the system.
final class Pipe {
    let reader: Int32
    private var writer: Int32

    struct Failed: Error {}

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Failed() }
        (reader, writer) = (ends[0], ends[1])
    }

    deinit {
        close(reader)
        closeWriter()
    }

    func write(_ bytes: [UInt8]) {
        _ = bytes.withUnsafeBytes { Glibc.write(writer, $0.baseAddress, $0.count) }
    }

    func closeWriter() {
        if writer >= 0 { close(writer) }
        writer = -1
    }

    var isReadable: Bool {
        var watched = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
        return poll(&watched, 1, 0) > 0
    }
}
