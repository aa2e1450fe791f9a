import FoundationEssentials
import Glibc
package import Wire

extension TrialFolder {
    /// What `events.jsonl` tells at its end.
    package func readTail() -> EventTail { EventTail(path: events) }

    /// Writes a whole file under a temporary name and renames it to `path`. It is of a run, which ends with the
    /// machine's power: nobody waits for the disk.
    package func publish(_ value: some Encodable, at path: String) throws {
        let temporary = path + ".new"
        let descriptor = try checked("write \(temporary)") {
            open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        }
        defer { close(descriptor) }
        try writeAll(try Lines.encode(value), to: descriptor, as: "write \(temporary)")
        try checked("rename \(temporary)") { rename(temporary, path) }
    }
}
