/// Why a request was refused; nothing has changed. Goes to the client, in its words.
struct Refusal: Error, Hashable {
    enum Code: String {
        /// The line is no JSON.
        case badJSON = "bad_json"
        /// JSON that is no request of this protocol.
        case badRequest = "bad_request"
        /// A trial of that number was never given.
        case unknownTrial = "unknown_trial"
        /// The trial is not in a state in which this can be said of it.
        case badState = "bad_state"
        /// A parameter outside of the space, or a wrong number of values.
        case badValue = "bad_value"
        /// It could not be written down.
        case storage
    }

    let code: Code
    let message: String

    /// Messages repeat what a client wrote, which may be long.
    private static let longest = 2_000

    init(code: Code, message: String) {
        self.code = code
        self.message = message.count <= Self.longest ? message : "\(message.prefix(Self.longest))…"
    }

    static func badRequest(_ message: String) -> Refusal { Refusal(code: .badRequest, message: message) }
    static func badState(_ message: String) -> Refusal { Refusal(code: .badState, message: message) }
    static func badValue(_ message: String) -> Refusal { Refusal(code: .badValue, message: message) }
}
