import Glibc
import Spawn

/// Why a program that was only asked something gave no answer.
enum ErrandFailure: Error, Hashable, CustomStringConvertible {
    case notFound(program: String)
    case notStarted(why: String)
    case tooSlow(program: String, seconds: Double)
    case ended(program: String, how: ProcessEnd, said: String)

    var description: String {
        switch self {
        case .notFound(let program): "there is no \(program)"
        case .notStarted(let why): why
        case .tooSlow(let program, let seconds): "\(program) did not answer within \(Int(seconds)) s"
        case .ended(let program, let how, let said): "\(program) ended with \(how): \(said)"
        }
    }
}

/// What the program wrote to its stdout.
typealias ErrandResult = Result<String, ErrandFailure>

/// A program that is asked one thing, in the background: nvidia-smi, `PLUGIN describe`. The loop reads it
/// when `output` has something, and kills it at `deadline`.
final class Errand {
    /// What a program may write before the rest is thrown away. Bytes.
    private static let longestAnswer = 1 << 20
    static let limitSeconds = 10.0

    let program: String
    /// To be read when it is ready.
    let output: Int32
    /// On the monotonic clock, in seconds.
    let deadline: Double
    private let child: ChildProcess
    private let done: (ErrandResult) -> Void
    private var answer: [UInt8] = []

    /// Starts it; `done` is called once, also where it could not be started (at once; then nil is answered).
    static func begin(
        _ program: String, _ arguments: [String], now: Double, done: @escaping (ErrandResult) -> Void
    ) -> Errand? {
        do {
            return try Errand(program, arguments, now: now, done: done)
        } catch {
            done(
                .failure(
                    error.code == ENOENT
                        ? .notFound(program: program) : .notStarted(why: error.description)))
            return nil
        }
    }

    private init(
        _ program: String, _ arguments: [String], now: Double, done: @escaping (ErrandResult) -> Void
    ) throws(SystemError) {
        let pipe = try Pipe()
        defer { close(pipe.writing) }
        var question = Program([program] + arguments)
        // nvidia-smi tells its errors on either of them.
        (question.output, question.errors, question.leadsSession) = (pipe.writing, pipe.writing, true)
        do {
            child = try question.spawn()
        } catch {
            close(pipe.reading)
            throw error
        }
        makeNonBlocking(pipe.reading)
        self.program = program
        self.done = done
        output = pipe.reading
        deadline = now + Self.limitSeconds
    }

    /// Reads what is there; true when the program has ended and `done` was called.
    func advance() -> Bool {
        while true {
            switch receive(output) {
            case .bytes(let bytes):
                if answer.count < Self.longestAnswer { answer += bytes }
            case .nothing: return false
            case .end:
                finish(child.wait())
                return true
            }
        }
    }

    /// Its time is over.
    func abandon() {
        child.signalGroup(SIGKILL)
        child.wait()
        close(output)
        done(.failure(.tooSlow(program: program, seconds: Self.limitSeconds)))
    }

    private func finish(_ end: ProcessEnd) {
        close(output)
        let text = String(decoding: answer, as: UTF8.self)
        done(
            end == .exit(0)
                ? .success(text) : .failure(.ended(program: program, how: end, said: trimmed(text))))
    }
}
