import CLinux
import Glibc

/// A program to start, by posix_spawn(3). Arguments are passed as they are; there is no shell anywhere.
///
/// Not swift-subprocess: its users are threads around one poll(2), and a supervisor alone must reap, because
/// it is a subreaper.
package struct Program {
    /// What runs, a path or a name to look for in PATH, and its arguments. Never empty.
    package var arguments: [String]
    /// The file to run where it is not the first argument.
    package var executable: String?
    /// Added to our own environment.
    package var environment: [String: String] = [:]
    /// Where it begins; nil is our own folder.
    package var folder: String?
    /// Descriptors that become 0, 1 and 2 of the child; nil is /dev/null.
    package var input: Int32?
    package var output: Int32?
    package var errors: Int32?
    /// Descriptors that become 3, 4, … of the child.
    package var further: [Int32] = []
    /// Whether it leads a session of its own, and so outlives us and our terminal; a process group of its
    /// own it leads anyway.
    package var leadsSession = false
    /// The cores that it may use; nil, and where none of them is to be had: those that we may.
    package var cores: Cores?
    /// Whether it stays in our process group, so that it may ask the person at our terminal.
    package var staysInGroup = false

    package init(_ arguments: [String]) {
        precondition(!arguments.isEmpty, "what is started is named by the first argument")
        self.arguments = arguments
    }

    /// Starts it; it inherits default signal handling, and no descriptors but those that it is given.
    package func spawn() throws(SystemError) -> ChildProcess {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        connect(&actions)
        if let folder { linux_spawn_in_folder(&actions, folder) }
        useOwnGroupAndDefaultSignals(&attributes)
        var pid = pid_t()
        let code = withCStrings(arguments) { argv in
            withCStrings(variables) { envp in
                onCores { posix_spawnp(&pid, executable ?? arguments[0], &actions, &attributes, argv, envp) }
            }
        }
        let place = folder.map { " in \($0)" } ?? ""
        if code != 0 { throw SystemError("start \(arguments[0])\(place)", code: code) }
        return ChildProcess(pid: pid)
    }

    /// posix_spawn(3) has no attribute for it; a child has the cores of the thread that starts it.
    private func onCores(_ start: () -> Int32) -> Int32 {
        guard let cores, let ours = Cores.ofThisThread, cores.useForThisThread() else { return start() }
        defer { ours.useForThisThread() }
        return start()
    }

    /// Whatever else is open here, also what our own starter left open or a library opens meanwhile on another
    /// thread, would stay open in the child, and who waits for its end would wait for the child's.
    private func connect(_ actions: inout posix_spawn_file_actions_t) {
        let descriptors = [input, output, errors] + further
        defer { linux_spawn_closing_from(&actions, Int32(descriptors.count)) }
        for (target, source) in descriptors.enumerated() {
            if let source {
                posix_spawn_file_actions_adddup2(&actions, source, Int32(target))
            } else {
                posix_spawn_file_actions_addopen(&actions, Int32(target), "/dev/null", O_RDWR, 0)
            }
        }
    }

    private func useOwnGroupAndDefaultSignals(_ attributes: inout posix_spawnattr_t) {
        // POSIX_SPAWN_SETSID of <spawn.h>, hidden from Swift behind _GNU_SOURCE.
        let ownSession: Int32 = 0x80
        let place = leadsSession ? ownSession : staysInGroup ? 0 : Int32(POSIX_SPAWN_SETPGROUP)
        var all = sigset_t()
        var none = sigset_t()
        sigfillset(&all)
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(place | Int32(POSIX_SPAWN_SETSIGDEF) | Int32(POSIX_SPAWN_SETSIGMASK)))
    }

    /// `NAME=value`, ours and what is added.
    private var variables: [String] {
        var variables = environment.map { "\($0.key)=\($0.value)" }
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            let name = text.prefix { $0 != "=" }
            if environment[String(name)] == nil { variables.append(text) }
            next += 1
        }
        return variables
    }
}

/// A C array of C strings with its closing null. Bytes after a NUL inside a string are lost, as in any argv.
private func withCStrings<Value>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Value
) -> Value {
    let pointers = strings.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeBufferPointer { body($0.baseAddress!) }
}
