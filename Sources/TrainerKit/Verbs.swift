import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Wire

/// What a plugin can be told to do.
enum Verb: String {
    case describe, check, explain, run
    /// Not for people: the child of `run` for an in-process trainer.
    case session
}

/// Where `trainer.settings` stands in the study file.
let settingsPlace = ["trainer", "settings"]

extension Trainer {
    /// The plugin's whole program: reads the command line and exits. 0: done; 1: could not, with a sentence
    /// on stderr; 2: the command line is wrong.
    public static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            exit(try perform(arguments))
        } catch {
            complain("\(error)")
            exit(1)
        }
    }

    private static func perform(_ arguments: [String]) throws -> Int32 {
        if arguments.isEmpty || !Set(arguments).isDisjoint(with: ["--help", "-h", "help"]) {
            print(help)
            return arguments.isEmpty ? 2 : 0
        }
        switch (Verb(rawValue: arguments[0]), arguments.count) {
        case (.describe, 1): return try describe()
        case (.check, 1): return try check()
        case (.explain, 2): return try explain(TrialFolder(path: absolute(arguments[1])))
        case (.run, 2): return try run(TrialFolder(path: absolute(arguments[1])))
        case (.session, 2): return try session(TrialFolder(path: absolute(arguments[1])))
        default:
            complain(
                "found \"\(arguments.joined(separator: " "))\", expected describe, check, explain FOLDER, run FOLDER or --help"
            )
            return 2
        }
    }

    private static func complain(_ text: String) {
        try? writeAll("\(about.name): \(text)\n".utf8, to: STDERR_FILENO)
    }

    private static func describe() throws -> Int32 {
        try say(Array(Hello(name: about.name).line.utf8) + Lines.encode(about))
    }

    /// All of stdin as one value.
    private static func asked<Question: Decodable>(_ kind: Question.Type, _ what: String) throws -> Question {
        var input: [UInt8] = []
        reading: while true {
            switch receive(STDIN_FILENO) {
            case .bytes(let bytes): input += bytes
            case .nothing: continue
            case .end: break reading
            }
        }
        do {
            return try Lines.decode(kind, from: Data(input))
        } catch {
            throw Refusal("stdin is no \(what): \(inWords(error))")
        }
    }

    private static func explain(_ folder: TrialFolder) throws -> Int32 {
        let explanation = try explain(try asked(RunSpec.self, "run spec"), in: folder)
        return try say(Array(Hello(name: about.name).line.utf8) + Lines.encode(explanation))
    }

    private static func check() throws -> Int32 {
        let question = try asked(PluginCheck.self, "plugin check")
        return try say(
            Array(Hello(name: about.name).line.utf8)
                + Lines.encode(verdict(on: question)))
    }

    /// All that is wrong with a study for this plugin, and what it can do.
    static func verdict(on question: PluginCheck) -> PluginVerdict {
        var reader = SettingsReader(question.settings, at: settingsPlace, baseFolder: question.baseFolder)
        let trainer = Self(settings: &reader)
        var problems = reader.finish()
        if problems.isEmpty, question.needsCheckpoints, !trainer.makesCheckpoints {
            problems.append(
                Problem(
                    at: ["method", "kind"], found: "a method that starts trials from checkpoints",
                    expected: "settings with which \(about.name) saves checkpoints, or another method"))
        }
        return PluginVerdict(
            problems: (problems + trainer.problems(with: question.parameters)).sortedByPath(),
            coolsDown: trainer.coolsDown, metrics: trainer.allMetrics)
    }

    /// Its own metrics and the kit's, sorted.
    private var allMetrics: [String]? {
        let kits = makesCheckpoints ? [StandardMetric.checkpointMiB.rawValue] : []
        return metrics.map { Set($0 + kits).sorted() }
    }

    private static func say(_ bytes: [UInt8]) throws -> Int32 {
        try writeAll(bytes, to: STDOUT_FILENO)
        return 0
    }

    private static func absolute(_ path: String) -> String {
        let path = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        return path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }
}

extension Trainer {
    static var help: String {
        let settings = about.settings.map { "  \($0.name)\n      \($0.meaning)" }
        let parameters = about.parameters.map { "Hyper-parameters: \($0.joined(separator: ", "))." }
        let sections = [
            "\(about.name): \(about.summary)",
            """
            Usage:
              \(about.name) run FOLDER   supervise the run of a trial folder (started by the agent)
              \(about.name) check            judge the study in the JSON object on stdin
              \(about.name) explain FOLDER   say what a run of the spec on stdin would start there
              \(about.name) describe         say what this plugin is, as JSON
            """,
            parameters ?? "Hyper-parameters: any.",
            settings.isEmpty
                ? nil : "Settings (trainer.settings in the study file):\n" + settings.joined(separator: "\n"),
            about.example.isEmpty ? nil : "Example:\n" + about.example,
        ]
        return sections.compactMap(\.self).joined(separator: "\n\n")
    }
}
