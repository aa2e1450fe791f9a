import FleetModel

/// `preset: NAME` in a study file: usual values, which whatever the file says goes before.
enum Preset: String, CaseIterable {
    case small = "350m-1b"
    case medium = "3b-7b"
    case large = "30b-70b"
    /// The plain recipe to the letter: ±20 % and ±50 % around the raw lowest loss, median pruner.
    case iterhpo

    /// A study file's value with the preset's where it has none. Without a preset, or with one that is none, as
    /// it stands: the reader complains of that.
    static func applied(to file: JSON) -> JSON {
        guard case .string(let name)? = file["preset"], let preset = Preset(rawValue: name) else {
            return file
        }
        return merged(file, over: preset.values(for: file))
    }

    /// Steps and trials of a stage, and GPUs of a trial: the recipe's own table of model sizes, at its upper ends,
    /// because short stages favour learning rates that are too small.
    private func values(for file: JSON) -> JSON {
        switch self {
        case .small: Self.stages(steps: 1000, trials: 12, gpus: 1, perNode: 1)
        case .medium: Self.stages(steps: 2000, trials: 15, gpus: 8, perNode: 8)
        case .large: Self.stages(steps: 4000, trials: 20, gpus: 64, perNode: 8)
        case .iterhpo: Self.recipe(for: file)
        }
    }

    private static func stages(steps: Int, trials: Int, gpus: Int, perNode: Int) -> JSON {
        .object([
            "method": .object([
                "kind": .string("stages"), "stages": .int(5), "steps": .int(steps), "trials": .int(trials),
            ]),
            "resources": .object(["gpus": .int(gpus), "gpus_per_node": .int(perNode)]),
        ])
    }

    private static func recipe(for file: JSON) -> JSON {
        var names: [String] = []
        if case .object(let space)? = file["space"] { names = space.keys.sorted() }
        var shrink: [String: JSON] = [:]
        if let rate = ScheduleNames.rate(names) { shrink[rate] = .double(0.2) }
        if let batch = ScheduleNames.batchSize(names) { shrink[batch] = .double(0.5) }
        return .object([
            "method": .object([
                "kind": .string("stages"), "stages": .int(5), "steps": .int(2000), "trials": .int(12),
                "shrink": .object(shrink), "score": .string("last"), "choose": .string("lowest"),
            ]),
            "sampler": .object(["kind": .string("tpe")]), "pruner": .object(["kind": .string("median")]),
        ])
    }

    /// Mappings are merged key by key, unless each is of another `kind`: the options of one kind mean nothing to
    /// another. `shrink` is one choice too.
    private static func merged(_ written: JSON, over usual: JSON) -> JSON {
        guard case .object(let mine) = written, case .object(let theirs) = usual,
            mine["kind"] == nil || theirs["kind"] == nil || mine["kind"] == theirs["kind"]
        else { return written == .null ? usual : written }
        var all = theirs
        for (name, value) in mine {
            all[name] = name == "shrink" ? value : merged(value, over: theirs[name] ?? .null)
        }
        return .object(all)
    }
}
