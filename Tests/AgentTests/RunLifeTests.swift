import FleetModel
import Glibc
import Spawn
import Testing
import Wire

@testable import agent

@Suite struct `the life of a run` {
    typealias Sight = RunLife.Sight
    static let running = Sight(hasStarted: true, hasEnded: false, lockIsFree: false)
    static let gone = Sight(hasStarted: true, hasEnded: false, lockIsFree: true)

    @Test func `a run that goes on is left alone`() {
        var life = RunLife(graceSeconds: 10)
        #expect(life.judge(Self.running, now: 1e6) == .wait(until: nil))
    }

    @Test func `a stop is escalated after twice the grace and a spare, and killed a grace later`() {
        var life = RunLife(graceSeconds: 10)
        life.askToStop(now: 100)
        life.askToStop(now: 120)
        #expect(life.judge(Self.running, now: 124.9) == .wait(until: 125))
        #expect(life.judge(Self.running, now: 125) == .terminate)
        #expect(life.judge(Self.running, now: 126) == .wait(until: 135))
        #expect(life.judge(Self.running, now: 135) == .kill)
        #expect(life.judge(Self.running, now: 136) == .kill)
        #expect(life.judge(Self.gone, now: 137) == .clear(ending: .stopped))
    }

    @Test func `a daemon that starts again counts from when the stop was written`() {
        var life = RunLife(graceSeconds: 1, stopAge: 100, now: 5_000)
        #expect(life.judge(Self.running, now: 5_000) == .terminate)
    }

    @Test func `a plugin that is gone without a word has vanished, also when it was asked to stop`() {
        var life = RunLife(graceSeconds: 1)
        #expect(life.judge(Self.gone, now: 0) == .clear(ending: .failed(RunFailure(.vanished))))
        life.askToStop(now: 0)
        #expect(life.judge(Self.gone, now: 1) == .clear(ending: .failed(RunFailure(.vanished))))
    }

    @Test func `a plugin that ended before it began is the node's fault`() {
        var life = RunLife(graceSeconds: 1)
        let sight = Sight(hasStarted: false, hasEnded: false, childExit: "exit(2)", lockIsFree: true)
        guard case .clear(.failed(let failure)) = life.judge(sight, now: 0) else {
            Issue.record("it goes on")
            return
        }
        #expect(failure.isInfrastructure)
        #expect("\(failure)".contains("exit(2)"))
    }

    @Test func `a plugin that has written its end may say farewell, but not for ever`() {
        var life = RunLife(graceSeconds: 1)
        let farewell = Sight(hasStarted: true, hasEnded: true, lockIsFree: false)
        #expect(life.judge(farewell, now: 10) == .wait(until: 12))
        #expect(life.judge(farewell, now: 11) == .wait(until: 12))
        #expect(life.judge(farewell, now: 12) == .clear(ending: nil))
        let free = Sight(hasStarted: true, hasEnded: true, lockIsFree: true)
        #expect(life.judge(free, now: 11) == .clear(ending: nil))
    }
}

@Suite(.timeLimit(.minutes(1))) struct `processes` {
    @Test func `a process is read whatever its name is`() throws {
        let fields = "S 1 70 71 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 88214 1 1"
        let entry = try #require(ProcessEntry(stat: Array("42 (a) b ( c) \(fields)".utf8)))
        #expect((entry.pid, entry.session, entry.startTime) == (42, 71, 88214))
    }

    @Test(arguments: ["", "42", "42 (a) S 1", "42 (a) Z 1 70 71 0 -1 4 1 0 0 0 0 0 0 0 20 0 1 0 88214 1 1"])
    func `what is no living process is none`(stat: String) {
        #expect(ProcessEntry(stat: Array(stat.utf8)) == nil)
    }

    /// A process with the mark of a run, old enough not to be read again, which `marks` has seen.
    private func known(to marks: ProcessMarks, of folder: TrialFolder) async throws -> ChildProcess {
        let child = try Self.start(of: folder)
        while marks.knowledge[child.pid] != [folder.path] {
            _ = marks.look()
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(marks.look().processes(of: folder, leader: nil) == [child.pid])
        return child
    }

    private static func start(of folder: TrialFolder) throws -> ChildProcess {
        var program = Program(["/usr/bin/sleep", "60"])
        program.environment = [TrialFolder.environmentMark: folder.path]
        return try program.spawn()
    }

    @Test func `one that is known no longer counts once it has ended, also before it is reaped`() async throws
    {
        let (marks, folder) = (ProcessMarks(), TrialFolder(path: "/tmp/of-known-\(getpid())"))
        let child = try await known(to: marks, of: folder)
        kill(child.pid, SIGKILL)
        while ProcessEntry(pid: child.pid) != nil { try await Task.sleep(for: .milliseconds(1)) }
        #expect(marks.look().processes(of: folder, leader: nil) == [])
        child.wait()
    }

    /// The next number can be chosen by root alone.
    @Test(.enabled(if: access(Self.lastPID, W_OK) == 0))
    func `a number that is used again is another process, of another run`() async throws {
        let folders = ["first", "second"].map { TrialFolder(path: "/tmp/of-\($0)-\(getpid())") }
        let marks = ProcessMarks()
        var tries = 0
        while true {
            let first = try await known(to: marks, of: folders[0])
            kill(first.pid, SIGKILL)
            first.wait()
            let file = open(Self.lastPID, O_WRONLY)
            let number = Array("\(first.pid - 1)".utf8)
            write(file, number, number.count)
            close(file)
            let second = try Self.start(of: folders[1])
            defer {
                kill(second.pid, SIGKILL)
                second.wait()
            }
            // Somebody else may have been given the number meanwhile.
            tries += 1
            guard second.pid == first.pid || tries == 20 else { continue }
            #expect(second.pid == first.pid)
            #expect(marks.look().processes(of: folders[0], leader: nil) == [])
            // Its environment is not there yet when the system says that it has begun.
            while marks.look().processes(of: folders[1], leader: nil) != [second.pid] { await Task.yield() }
            return
        }
    }

    private static let lastPID = "/proc/sys/kernel/ns_last_pid"
}

@Suite struct `lists of cores` {
    @Test func `the kernel's list is read, and nothing else`() {
        #expect(Cores(list: "0-2,7,10-11")?.numbers == [0, 1, 2, 7, 10, 11])
        for wrong in ["", "3-1", "a", "1,,2", "1-2-3", "-1", "9999999"] { #expect(Cores(list: wrong) == nil) }
    }

    @Test func `a program gets the cores that it is to have, and its starter keeps its own`() throws {
        let ours = try #require(Cores.ofThisThread)
        let one = try #require(ours.numbers.max())
        var program = Program(["/usr/bin/grep", "Cpus_allowed_list", "/proc/self/status"])
        program.cores = Cores([one])
        #expect(try program.capture().text.hasSuffix("\t\(one)\n"))
        #expect(Cores.ofThisThread == ours)
    }
}
