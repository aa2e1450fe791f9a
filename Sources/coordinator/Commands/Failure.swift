import ArgumentParser
import Foundation

/// How a command ends when it does not do what it was asked: the message is on stderr already.
enum Failure {
    /// Wrong input: exit code 2.
    static func usage(_ message: String) -> ExitCode {
        say(message)
        return ExitCode(2)
    }

    /// Anything else: exit code 1.
    static func failed(_ message: String) -> ExitCode {
        say(message)
        return ExitCode(1)
    }

    /// What was to be printed could not be, as `errno` says. That nobody reads any more, as behind `| head`, is none.
    static func unwritten(_ code: Int32) throws {
        guard code != EPIPE else { return }
        throw failed("the output could not be written: \(String(cString: strerror(code)))")
    }

    /// Whatever `body` throws is wrong input.
    static func asUsage<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let exit as ExitCode {
            throw exit
        } catch {
            throw usage("\(error)")
        }
    }

    private static func say(_ message: String) {
        Terminal.write((message + "\n").utf8, to: STDERR_FILENO)
    }
}
