import Foundation
import Spawn

/// The JSON of result files and of `--json`: names in snake_case as in study files, sorted, indented.
enum ResultsJSON {
    static func encode(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value) + Data("\n".utf8)
    }

    /// Prints a value for scripts.
    static func print(_ value: some Encodable) throws {
        let text = try encode(value)
        do throws(SystemError) {
            try writeAll(text, to: STDOUT_FILENO)
        } catch {
            try Failure.unwritten(error.code)
        }
    }
}
