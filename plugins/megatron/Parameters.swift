import FleetModel
import TrainerKit
import Wire

/// What a space may hold.
enum Parameters {
    /// Read by this plugin; `min_lr` may be derived (`lr / 10`).
    static let own = ["lr", "min_lr", "weight_decay", "batch_size"]
    /// Passed on as the flag of the same name.
    static let flags = [
        "adam_beta1", "adam_beta2", "adam_eps", "attention_dropout", "clip_grad", "ffn_hidden_size",
        "hidden_dropout", "hidden_size", "init_method_std", "num_attention_heads", "num_layers", "optimizer",
        "seq_length", "sgd_momentum",
    ]

    static func problems(with parameters: [PluginCheck.Parameter], _ settings: MegatronSettings) -> [Problem]
    {
        let known = own + flags + settings.tunable.map { $0.replacing("-", with: "_") }
        let names = parameters.map { $0.name.replacing("-", with: "_") }
        let unknown = zip(parameters, names).filter { !known.contains($1) }.map { parameter, name in
            Problem(
                at: ["space", parameter.name], found: parameter.name,
                expected: "a parameter of megatron: \(known.joined(separator: ", ")); or another flag of "
                    + "Megatron's, named in trainer.settings.tunable",
                nearest: nearestName(to: name, among: known), isAboutKey: true)
        }
        let numeric = parameters.filter { own.contains($0.name) && $0.kind == .categorical }.map {
            parameter in
            Problem(at: ["space", parameter.name, "type"], found: "categorical", expected: "float or int")
        }
        return unknown + numeric + missing(names, settings)
    }

    private static func missing(_ names: [String], _ settings: MegatronSettings) -> [Problem] {
        [("lr", "lr"), ("batch_size", "global-batch-size")].compactMap { name, flag in
            guard !names.contains(name), settings.arguments.number(flag) == nil else { return nil }
            return Problem(
                at: ["space"], found: "no \(name)",
                expected: "\(name) in the space, or \(flag) in trainer.settings.args")
        }
    }
}
