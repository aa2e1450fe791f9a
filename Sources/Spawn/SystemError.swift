import Glibc

/// A system call failed: what was tried, and why not, as one sentence.
package struct SystemError: Error, Hashable, CustomStringConvertible {
    package let attempt: String
    /// The system's `errno`.
    package let code: Int32

    package init(_ attempt: String, code: Int32 = errno) {
        self.attempt = attempt
        self.code = code
    }

    package var description: String { "cannot \(attempt): \(reason)" }

    /// Why not, in the system's words.
    package var reason: String { String(cString: strerror(code)) }
}

/// What `call` answers, called again as long as a signal interrupts it.
///
/// - Throws: `SystemError` where it answers a negative number.
@discardableResult
package func checked<Answer: SignedInteger>(
    _ attempt: @autoclosure () -> String, _ call: () -> Answer
) throws(SystemError) -> Answer {
    while true {
        let answer = call()
        if answer >= 0 { return answer }
        let code = errno
        if code != EINTR { throw SystemError(attempt(), code: code) }
    }
}
