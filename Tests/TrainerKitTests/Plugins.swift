import FleetModel
import FoundationEssentials
import TrainerKitTesting
import Wire

/// Where SwiftPM put this package's executables: beside the test runner.
func built(_ name: String) throws -> String {
    let runner = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return runner.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/" + name
}

extension TrainerContract {
    /// The scripted plugin, slow enough to be caught under way.
    static func scripted(_ settings: [String: JSON] = [:]) throws -> TrainerContract {
        let pace: [String: JSON] = ["seconds_per_step": .double(0.001), "checkpoint_every": .int(8)]
        return TrainerContract(
            plugin: try built("scripted"), settings: .object(pace.merging(settings) { $1 }),
            assignment: ["lr": .float(0.01), "optimizer": .string("sgd"), "momentum": .float(0.9)])
    }

    /// The command plugin around `perl -e program`; perl is part of every Debian.
    static func perl(
        _ program: String, arguments: [JSON] = [], settings: [String: JSON] = [:]
    ) throws -> TrainerContract {
        let escaped = program.replacing("{", with: "{{").replacing("}", with: "}}")
        let argv: [JSON] = [.string("perl"), .string("-e"), .string(escaped)] + arguments
        var contract = TrainerContract(
            plugin: try built("command"), settings: .object(settings.merging(["argv": .array(argv)]) { $1 }))
        contract.makesCheckpoints = false
        return contract
    }

    /// What a trainer in perl saves.
    enum Saves: CaseIterable {
        case folders, files
    }

    /// A small trainer in perl with all that a trainer does: it reports JSON lines, saves checkpoints and
    /// goes on from one, and saves when it is told to stop.
    static func perlTrainer(_ saves: Saves = .folders) throws -> TrainerContract {
        let (save, load, place, settings): (String, String, String, [String: String]) =
            switch saves {
            case .folders:
                (
                    """
                    sub save { my $s = shift; mkdir("$dir/it_$s"); open(F, ">$dir/it_$s/loss"); print F $loss;
                      close F; open(F, ">$dir/it_$s/done"); close F; }
                    """, "$from/loss", "{checkpoint}", ["pattern": "it_{step}", "marker": "done"]
                )
            case .files:
                (
                    """
                    sub save { my $s = shift; open(F, ">$dir/it_$s.pt"); print F $loss; close F; }
                    """, "$from", "{checkpoint_file}", ["pattern": "it_{step}.pt", "complete": "passed"]
                )
            }
        var contract = try perl(
            """
            $| = 1; my ($lr, $first, $steps, $dir, $from) = @ARGV;
            my $loss = 4; if ($from) { open(F, "\(load)"); $loss = <F>; }
            \(save)
            my $stop = 0; $SIG{TERM} = sub { $stop = 1 };
            for my $s ($first + 1 .. $steps) {
              $loss *= 1 - $lr; print qq({"step": $s, "loss": $loss}\\n);
              save($s) if $s % 8 == 0 || $s == $steps;
              select(undef, undef, undef, 0.001);
              if ($stop) { save($s); exit 143; }
            }
            """,
            arguments: ["{lr}", "{first_step}", "{steps}", "{checkpoint_dir}"].map { .string($0) }
                + [.array([.string(place)])],
            settings: ["checkpoint": .object(settings.mapValues { .string($0) })])
        contract.assignment = ["lr": .float(0.01)]
        contract.makesCheckpoints = true
        return contract
    }
}
