import Journal

/// A study, line by line: what a client writes goes in, what it is to read comes out.
struct AskTellSession: LineService {
    private(set) var study: AskTellStudy
    /// Where changes are written down before a client hears of them; nil for a study in memory.
    private let store: AskTellStore?
    /// What came since the last `settle`.
    private var exchanges: [Exchange] = []

    private struct Exchange {
        let request: Request?
        var reply: Result<Reply, Refusal>
        let id: String?
        /// Whether the request could have changed anything.
        let changes: Bool
    }

    init(_ study: AskTellStudy, store: AskTellStore? = nil) {
        self.study = study
        self.store = store
    }

    mutating func take(_ line: LineBuffer.Line) {
        switch line {
        case .tooLong:
            let refusal = Refusal.badRequest("a line has more than 1 MiB")
            exchanges.append(Exchange(request: nil, reply: .failure(refusal), id: nil, changes: false))
        case .whole(let bytes):
            guard !bytes.allSatisfy(Self.isBlank) else { return }
            let line = RequestLine(bytes)
            let before = study.changes.count
            let reply = Result { () throws(Refusal) in try study.answer(try line.request.get()) }
            exchanges.append(
                Exchange(
                    request: try? line.request.get(), reply: reply, id: line.id,
                    changes: study.changes.count > before))
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0D
    }

    mutating func settle() throws -> String {
        let changes = study.takeChanges()
        if let store, !changes.isEmpty {
            do throws(JournalError) {
                try store.append(
                    changes.map { $0.text(study.setup.space) }, synced: changes.contains(where: \.isResult))
            } catch {
                try takeBack(store, because: error)
            }
        }
        defer { exchanges.removeAll(keepingCapacity: true) }
        var text = ""
        for exchange in exchanges {
            var writer = JSONWriter()
            switch exchange.reply {
            case .success(let reply): reply.write(to: &writer, id: exchange.id, study.setup.space)
            case .failure(let refusal): refusal.write(to: &writer, id: exchange.id)
            }
            text += writer.text
            text += "\n"
        }
        return text
    }

    /// Nothing of what was asked together is written: the study is as it was before. Requests that would have
    /// changed something are told so, and questions answered again.
    private mutating func takeBack(_ store: AskTellStore, because error: JournalError) throws {
        study = try AskTellStudy(study.setup, restoredFrom: store)
        let refusal = Refusal(code: .storage, message: "\(error)")
        for index in exchanges.indices {
            if exchanges[index].changes { exchanges[index].reply = .failure(refusal) }
            switch exchanges[index].request {
            case .hello?: exchanges[index].reply = .success(study.hello)
            case .best?: exchanges[index].reply = .success(study.bestTrials)
            default: break
            }
        }
    }
}

extension AskTellStudy {
    /// The study after every change in `store`.
    init(_ setup: AskTellSetup, restoredFrom store: AskTellStore) throws {
        self.init(setup)
        var number = 0
        try store.forEachChange { text in
            number += 1
            do throws(Refusal) {
                try redo(try Change(text))
            } catch {
                throw DamagedStore(change: number, problem: error.message)
            }
        }
    }
}

/// What is stored makes no study.
struct DamagedStore: Error, CustomStringConvertible {
    let change: Int
    let problem: String

    var description: String { "change \(change) of the study does not fit those before it: \(problem)" }
}
