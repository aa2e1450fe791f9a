import FleetModel
import Testing
import TrainerKit

@Suite struct SettingsTests {
    private func reader(_ members: [String: JSON]) -> SettingsReader {
        SettingsReader(.object(members), at: ["trainer", "settings"], baseFolder: "/tmp")
    }

    @Test func `all faults are found in one go, sorted by path`() {
        var settings = reader([
            "layers": .double(2.5), "width": .int(0), "curve": .string("lin"), "lyers": .int(1),
        ])
        _ = settings.int("layers", default: 2)
        _ = settings.int("width", in: 1...)
        _ = settings.choice("curve", among: ["line", "power"], default: "line")
        _ = settings.string("data")
        let problems = settings.finish()
        #expect(problems.map { $0.path.last } == ["curve", "data", "layers", "lyers", "width"])
        #expect(problems.map(\.nearest) == ["line", nil, nil, "layers", nil])
        #expect(
            problems.map(\.description) == [
                #"trainer.settings.curve: found "lin", expected one of line, power (did you mean line?)"#,
                "trainer.settings.data: found nothing, expected a text",
                "trainer.settings.layers: found 2.5, expected a whole number",
                "trainer.settings.lyers: found lyers, expected one of curve, data, layers, width (did you mean layers?)",
                "trainer.settings.width: found 0, expected a whole number of at least 1",
            ])
    }

    @Test func `good values are read as they are`() {
        var settings = reader([
            "layers": .int(3), "rate": .int(1), "name": .string("x"), "deep": .bool(true),
            "list": .array([.string("a"), .int(2)]), "inner": .object(["a": .int(1)]),
        ])
        let numbers = (settings.int("layers"), settings.double("rate"), settings.int("absent", default: 9))
        let others = (settings.string("name"), settings.bool("deep"), settings.strings("list"))
        let inner = settings.nested("inner") { inner in inner.int("a") }
        #expect(numbers == (3, 1, 9))
        #expect(others == ("x", true, ["a", "2"]))
        #expect(inner == 1)
        #expect(settings.finish().isEmpty)
    }

    @Test func `what is wrong inside a nested mapping has its whole path`() {
        var settings = reader(["inner": .object(["a": .string("one"), "b": .int(1)])])
        _ = settings.nested("inner") { $0.int("a", default: 0) }
        #expect(settings.finish().map { $0.path.suffix(2) } == [["inner", "a"], ["inner", "b"]])
    }

    @Test func `paths start at the study file's folder and must be what they are said to be`() {
        var settings = reader([
            "here": .string("."), "missing": .string("no/such"), "file": .string("/tmp"),
            "home": .string("~"),
        ])
        let here = settings.path("here", .folder)
        _ = settings.path("missing")
        _ = settings.path("file", .file)
        let home = settings.path("home", .unchecked)
        #expect(here == "/tmp/." && home.hasPrefix("/"))
        #expect(
            settings.finish().map(\.found) == ["/tmp, which is a folder", "nothing at /tmp/no/such"])
    }

    @Test func `settings that are no mapping are one problem`() {
        let settings = SettingsReader(.array([]), at: ["trainer", "settings"], baseFolder: "/")
        #expect(settings.finish().map(\.found) == ["a list"])
    }
}
