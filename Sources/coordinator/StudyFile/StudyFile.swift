import FleetModel
import Foundation
import Search
import Spawn
import StudyCore
import TrainerKit

/// A study file, read and checked: YAML in, `Plan` out, or every problem with its place.
struct StudyFile {
    let plan: Plan
    /// The file says how trials are scored, and did not leave it to what the plugin can.
    let saysScore: Bool
    /// The file says by what trials are proposed.
    let namesSampler: Bool
    let path: String
    /// `start_from`: the stages of another study that this one begins with.
    let startFrom: StartFrom?
    /// What is run when the study has ended: a program and its arguments; empty: nothing.
    let onFinish: [String]

    /// - Throws: `StudyFileErrors` with everything that is wrong with the file itself; what only the plugin
    ///   can tell is asked separately (`PluginExecutable.check`).
    /// `overrides` stand for what the file says in their places.
    init(at path: String, overriding overrides: [Override] = []) throws(StudyFileErrors) {
        self.path = path
        let document = try Self.parse(path)
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        var reader = SettingsReader(
            Preset.applied(to: overrides.applied(to: document.value)), baseFolder: folder)
        let draft = PlanDraft(reading: &reader, places: document)
        let problems = draft.problems + reader.finish()
        guard problems.isEmpty, let plan = draft.plan else {
            throw StudyFileErrors(problems, in: path, document)
        }
        self.plan = plan
        saysScore = draft.saysScore
        namesSampler = draft.namesSampler
        startFrom = draft.startFrom
        onFinish = draft.onFinish
    }

    /// Problems that a plugin found, with their places in this file.
    func errors(_ problems: [Problem]) throws(StudyFileErrors) -> StudyFileErrors {
        StudyFileErrors(problems, in: path, try Self.parse(path))
    }

    private static func parse(_ path: String) throws(StudyFileErrors) -> YAMLDocument {
        guard let bytes = contents(path) else {
            throw StudyFileErrors(lines: ["\(path): it cannot be read: \(String(cString: strerror(errno)))"])
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw StudyFileErrors(lines: ["\(path): the file is not UTF-8 text"])
        }
        do {
            return try YAMLDocument(parsing: text)
        } catch {
            throw StudyFileErrors(
                lines: ["\(path):\(error.place.line):\(error.place.column): \(error.problem)"])
        }
    }
}

/// What is wrong with a study file, one line a problem: `study.yaml:12:9: found …, expected …`.
struct StudyFileErrors: Error, CustomStringConvertible {
    let lines: [String]

    init(lines: [String]) {
        self.lines = lines
    }

    init(_ problems: [Problem], in path: String, _ document: YAMLDocument) {
        lines = problems.map { problem in (document.place(of: problem), problem) }
            .sorted { ($0.0.line, $0.0.column) < ($1.0.line, $1.0.column) }
            .map { place, problem in "\(path):\(place.line):\(place.column): \(problem)" }
    }

    var description: String { lines.joined(separator: "\n") }
}
