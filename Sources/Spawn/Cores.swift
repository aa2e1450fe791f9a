import CLinux

/// The cores that a thread, and the programs that it starts, may use.
package struct Cores: Hashable, Sendable {
    package let numbers: Set<Int>

    package init(_ numbers: Set<Int>) {
        self.numbers = numbers
    }

    /// Reads the kernel's `0-23,48-71`, as in `local_cpulist` of a device; nil where it is none.
    package init?(list: some StringProtocol) {
        var numbers: Set<Int> = []
        for part in list.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard ends.count <= 2, let first = ends[0], let last = ends[ends.count - 1], first >= 0,
                last >= first, last < Self.most
            else { return nil }
            numbers.formUnion(first...last)
        }
        self.numbers = numbers
    }

    /// The kernel is built for at most so many (CONFIG_NR_CPUS).
    private static let most = 8_192

    /// Those that this thread may use; nil where the system does not tell.
    package static var ofThisThread: Cores? {
        var words = [UInt](repeating: 0, count: most / UInt.bitWidth)
        guard linux_cores(&words, Int32(words.count * MemoryLayout<UInt>.size)) == 0 else { return nil }
        let bits = 0..<most
        return Cores(
            Set(bits.filter { words[$0 / UInt.bitWidth] >> UInt($0 % UInt.bitWidth) & 1 == 1 }))
    }

    /// From now on this thread uses these only.
    ///
    /// - Returns: false where none of them is to be had; then nothing has changed.
    @discardableResult
    package func useForThisThread() -> Bool {
        var words = [UInt](repeating: 0, count: Self.most / UInt.bitWidth)
        for number in numbers { words[number / UInt.bitWidth] |= 1 << UInt(number % UInt.bitWidth) }
        return linux_use_cores(&words, Int32(words.count * MemoryLayout<UInt>.size)) == 0
    }
}
