/// A study, line by line: what a client writes goes in, what it is to read comes out.
struct AskTellSession: LineService {
    private(set) var study: AskTellStudy
    private var replies = ""

    init(_ study: AskTellStudy) {
        self.study = study
    }

    mutating func take(_ line: LineBuffer.Line) {
        switch line {
        case .tooLong: refuse(.badRequest("a line has more than 1 MiB"), id: nil)
        case .whole(let bytes):
            guard !bytes.allSatisfy(Self.isBlank) else { return }
            answer(RequestLine(bytes))
        }
    }

    mutating func settle() throws -> String {
        _ = study.takeChanges()
        defer { replies.removeAll(keepingCapacity: true) }
        return replies
    }

    private mutating func answer(_ line: RequestLine) {
        do throws(Refusal) {
            let reply = try study.answer(try line.request.get())
            var writer = JSONWriter()
            reply.write(to: &writer, id: line.id, study.setup.space)
            replies += writer.text
            replies += "\n"
        } catch {
            refuse(error, id: line.id)
        }
    }

    private mutating func refuse(_ refusal: Refusal, id: String?) {
        var writer = JSONWriter()
        refusal.write(to: &writer, id: id)
        replies += writer.text
        replies += "\n"
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0D
    }
}
