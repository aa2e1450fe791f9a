import FleetLink
import FleetModel
import Foundation

/// The name of a folder that programs are copied to before it gets its place: it says who copies, so that whoever
/// enrols next from here knows what is left of one that was killed, and touches nobody else's.
struct PartialFolder {
    /// This head's and home's, on nodes that other heads copy to as well.
    private let owner: String
    let suffix: String

    init(of home: CoordinatorHome) throws {
        self.init(owner: shortWord(for: try home.publicKey() + " " + ProcessInfo.processInfo.hostName))
    }

    init(owner: String) {
        self.owner = owner
        suffix = ".\(owner)-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    }

    /// Whether a folder of this name was made here by a process that is no more.
    func isAbandoned(_ name: String) -> Bool {
        guard FolderName.isSafe(name), let last = name.split(separator: ".").last else { return false }
        let parts = last.split(separator: "-").map(String.init)
        guard parts.count == 3, parts[0] == owner, let pid = Int32(parts[1]), pid > 0 else { return false }
        return kill(pid, 0) != 0 && errno == ESRCH
    }
}

/// FNV-1a, 64 bits, in a few letters and digits.
func shortWord(for text: String) -> String {
    let sum = text.utf8.reduce(UInt64(14_695_981_039_346_656_037)) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
    return String(sum, radix: 36)
}
