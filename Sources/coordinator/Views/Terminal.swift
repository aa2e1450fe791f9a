import Glibc
import Spawn

/// What a terminal understands.
enum Terminal {
    /// Columns and rows; 80 × 24 where the terminal does not say.
    static var size: (width: Int, height: Int) {
        var window = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0, window.ws_row > 0
        else {
            return (80, 24)
        }
        return (Int(window.ws_col), Int(window.ws_row))
    }

    /// Writes to stdout or stderr. That nobody reads any more, as behind `| head`, is no reason to end: a study goes on.
    static func write(_ bytes: some Collection<UInt8>, to descriptor: Int32 = STDOUT_FILENO) {
        try? writeAll(bytes, to: descriptor)
    }

    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Writes `frame` over the last one, of `lines` lines, and clears what is left of that.
    static func redraw(_ frame: [String], over lines: Int) -> String {
        let up = lines > 0 ? "\u{1B}[\(lines)A" : ""
        return up + "\r" + frame.map { $0 + "\u{1B}[K\n" }.joined() + "\u{1B}[J"
    }
}
