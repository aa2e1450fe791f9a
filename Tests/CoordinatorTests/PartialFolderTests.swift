import Testing

@testable import coordinator

@Suite struct PartialFolderTests {
    @Test func `what a killed enrolment left is known, and nobody else's folder is`() {
        let aside = PartialFolder(owner: "abc")
        // Above what Linux gives a process.
        #expect(aside.isAbandoned("0.1.0-xyz.abc-5000000-17"))
        #expect(!aside.isAbandoned("0.1.0-xyz\(aside.suffix)"))
        for other in [
            "0.1.0-xyz.other-5000000-17", "0.1.0-xyz", "0.1.0-xyz.17", "../x.abc-5000000-17", "", ".",
            "0.1.0-xyz.abc-0-17", "0.1.0-xyz.abc--1-17",
        ] {
            #expect(!aside.isAbandoned(other), "\(other)")
        }
    }
}
