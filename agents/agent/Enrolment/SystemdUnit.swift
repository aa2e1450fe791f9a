import Glibc
import Spawn

/// A user unit of systemd that keeps the daemon of one home running. Where systemd does not run, or not for
/// this user, `attach` starts the daemon instead, and nothing is lost.
struct SystemdUnit {
    static let name = "iterhpo-agent.service"
    private let path: String
    /// Only the usual home has a unit: there is one name.
    private let isUsual: Bool

    init(_ home: Home) {
        let user = getpwuid(getuid()).map { String(cString: $0.pointee.pw_dir) } ?? "/root"
        path = user + "/.config/systemd/user/" + Self.name
        isUsual = home.path == absolute(user + "/.iterhpo/agent")
    }

    /// Writes, enables and starts it.
    /// - Parameter serving: the arguments of `agent serve`.
    /// - Returns: false where systemd does not run here.
    func install(_ serving: [String]) throws -> Bool {
        guard isUsual, Self.runs else { return false }
        try makeFolders(String(path[..<path.lastIndex(of: "/")!]))
        let draft = path + ".\(getpid())"
        let file = try OpenFile(draft, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
        try writeAll(
            Self.text(program: absolute("/proc/self/exe"), serving).utf8, to: file.descriptor,
            as: "write \(draft)")
        try checked("write \(path)") { rename(draft, path) }
        _ = Self.systemctl(["daemon-reload"])
        return Self.systemctl(["enable", Self.name]) && Self.systemctl(["restart", Self.name])
    }

    /// Stops and removes it, where it is there.
    func remove() {
        guard isUsual, access(path, F_OK) == 0 else { return }
        _ = Self.systemctl(["disable", "--now", Self.name])
        unlink(path)
        _ = Self.systemctl(["daemon-reload"])
    }

    /// The unit's text (systemd.service(5)). Runs outlive the daemon: only its own process is ended with it.
    static func text(program: String, _ arguments: [String]) -> String {
        let command = ([program] + arguments).map { word in
            "\""
                + word.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
                .replacing("%", with: "%%").replacing("$", with: "$$") + "\""
        }
        return """
            [Unit]
            Description=iterhpo agent

            [Service]
            ExecStart=\(command.joined(separator: " "))
            KillMode=process
            Restart=always
            RestartSec=1

            [Install]
            WantedBy=default.target

            """
    }

    private static var runs: Bool {
        access("/run/systemd/system", F_OK) == 0 && systemctl(["show-environment"])
    }

    private static func systemctl(_ arguments: [String]) -> Bool {
        (try? Program(["systemctl", "--user"] + arguments).spawn().wait()) == .exit(0)
    }
}
