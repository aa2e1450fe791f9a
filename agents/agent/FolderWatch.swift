import Glibc
import Spawn

/// Tells when something happens in trial folders, through inotify: no polling, and nothing to do while
/// nothing happens.
final class FolderWatch {
    /// What happened in a folder.
    enum Change { case events, lock }

    /// Ready to be read when something happened; -1 where the system gives us no inotify.
    let descriptor = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))

    var works: Bool { descriptor >= 0 }

    /// A number that stands for the folder until `forget`.
    func add(_ folder: String) -> Int32? {
        let mask = UInt32(IN_MODIFY) | UInt32(IN_CLOSE_WRITE) | UInt32(IN_CLOSE_NOWRITE)
        let watch = inotify_add_watch(descriptor, folder, mask)
        return watch >= 0 ? watch : nil
    }

    func forget(_ watch: Int32) { _ = inotify_rm_watch(descriptor, watch) }

    /// What happened since the last call: `events.jsonl` grew, or a process gave `lock` up. Each once.
    func changes() -> [(watch: Int32, change: Change)] {
        var found: [(watch: Int32, change: Change)] = []
        while case .bytes(let bytes) = receive(descriptor) {
            bytes.withUnsafeBytes { raw in
                var place = 0
                let header = MemoryLayout<inotify_event>.size
                while place + header <= raw.count {
                    let event = raw.loadUnaligned(fromByteOffset: place, as: inotify_event.self)
                    let name = raw[(place + header)..<(place + header + Int(event.len))].prefix { $0 != 0 }
                    place += header + Int(event.len)
                    guard let change = Self.change(name, event.mask),
                        !found.contains(where: { $0.watch == event.wd && $0.change == change })
                    else { continue }
                    found.append((event.wd, change))
                }
            }
        }
        return found
    }

    private static func change(_ name: Slice<UnsafeRawBufferPointer>, _ mask: UInt32) -> Change? {
        let modified = mask & UInt32(IN_MODIFY) != 0
        if name.elementsEqual("events.jsonl".utf8) { return modified ? .events : nil }
        return name.elementsEqual("lock".utf8) && !modified ? .lock : nil
    }
}
