import FleetModel
import Foundation
import Glibc
import Journal
import JournalStory
import StudyCore

// Writes the journal of an endless study until it is killed or the file may not grow, for JournalTests.
// Arguments: path, steps a batch, largest file in bytes (0: no limit), and `paced` if each batch waits for a
// byte on stdin. After each batch that is durable it
// prints how many steps were written so far; where writing fails it prints why and ends with 3.

let arguments = CommandLine.arguments
let path = arguments[1]
guard let size = Int(arguments[2]), let limit = UInt(arguments[3]) else { exit(2) }

if limit > 0 {
    var bound = rlimit(rlim_cur: limit, rlim_max: limit)
    // Without the signal a write beyond the limit fails as on a full disk.
    signal(SIGXFSZ, SIG_IGN)
    guard setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &bound) == 0 else { exit(2) }
}

var story = Story()
do throws(JournalError) {
    let journal = try Journal.create(at: path, engine: story.engine)
    while true {
        if arguments[4] == "paced", FileHandle.standardInput.readData(ofLength: 1).isEmpty { exit(0) }
        let steps = (0..<size).map { _ in story.next() }
        try journal.append(steps, engine: story.engine)
        FileHandle.standardOutput.write(Data("\(story.count)\n".utf8))
    }
} catch {
    FileHandle.standardOutput.write(Data("\(error)\n".utf8))
    exit(3)
}
