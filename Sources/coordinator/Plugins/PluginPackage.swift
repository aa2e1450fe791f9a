import Foundation
import Wire

/// A new plugin as a Swift package of its own: what `coordinator plugins new` writes.
struct PluginPackage {
    /// As `trainer.plugin` says it.
    let name: String
    /// Where TrainerKit comes from: a folder, or the URL of a repository.
    let kit: String

    /// Texts by path below the package's folder.
    var files: [String: String] {
        [
            "Package.swift": manifest, "README.md": readme, "Makefile": makefile, ".gitignore": ".build/\n",
            "Sources/\(name)/\(type).swift": trainer, "Examples/train.py": script,
            "Tests/\(module)Tests/ContractTests.swift": tests,
        ]
    }

    /// Swift's name of the module.
    private var module: String { name.replacing("-", with: "_") }

    private var type: String {
        name.split { "-_.".contains($0) }.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    private var isRemote: Bool { kit.contains("://") || kit.hasPrefix("git@") }

    /// The name by which the manifest speaks of the package with the kit.
    private var package: String {
        guard isRemote else { return "iterhpo" }
        let last = kit.split(separator: "/").last.map(String.init) ?? kit
        return last.hasSuffix(".git") ? String(last.dropLast(4)) : last
    }

    private var manifest: String {
        let place = isRemote ? "url: \"\(kit)\", branch: \"main\"" : "name: \"iterhpo\", path: \"\(kit)\""
        return """
            // swift-tools-version: 6.2
            import PackageDescription

            let package = Package(
                name: "\(name)",
                dependencies: [.package(\(place))],
                targets: [
                    .executableTarget(
                        name: "\(name)", dependencies: [.product(name: "TrainerKit", package: "\(package)")]),
                    .testTarget(
                        name: "\(module)Tests",
                        dependencies: ["\(name)", .product(name: "TrainerKitTesting", package: "\(package)")]),
                ]
            )

            """
    }

    private var trainer: String {
        """
        import TrainerKit

        /// Trains with a script. Change what it is called with, and what its lines mean, to fit yours.
        @main struct \(type): Trainer {
            static let about = TrainerDescription(
                name: "\(name)", summary: "trains with a script.", parameters: ["lr", "batch_size"],
                settings: [.init("script", "The training script.")])

            let script: String

            init(settings: inout SettingsReader) {
                script = settings.path("script", .file)
            }

            func execution(of spec: RunSpec, in folder: TrialFolder) throws(Refusal) -> Execution {
                let saves = folder.work + "/saves"
                var arguments = ["python3", script, "--steps", "\\(spec.steps)", "--save-to", saves]
                arguments += ["--first-step", "\\(spec.firstStep)"]
                for (name, value) in spec.assignment { arguments += ["--" + name, value.description] }
                switch spec.start {
                case .fresh: break
                case .warm(let checkpoint), .resume(let checkpoint, _): arguments += ["--load", checkpoint]
                }
                let watch = CheckpointWatch(folder: saves, prefix: "step_", marker: "done")
                return .program(Command(arguments, checkpoints: watch))
            }

            /// `step 10 loss 2.5`
            func signals(in line: String, from stream: OutputStream) -> [Signal] {
                let words = line.split(separator: " ")
                guard words.count == 4, words[0] == "step", let step = Int(words[1]), let value = Double(words[3])
                else { return [] }
                return [.report(step: step, metrics: [String(words[2]): value])]
            }
        }

        """
    }

    private var tests: String {
        """
        import FoundationEssentials
        import Testing
        import TrainerKitTesting

        /// The plugin as SwiftPM built it: beside the test runner.
        private func plugin() throws -> String {
            let runner = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            return runner.split(separator: "/").dropLast().reduce("") { "\\($0)/\\($1)" } + "/\(name)"
        }

        /// The example script; put yours here.
        private let script =
            #filePath.split(separator: "/").dropLast(3).reduce("") { "\\($0)/\\($1)" }
            + "/Examples/train.py"

        @Suite struct ContractTests {
            @Test(arguments: TrainerContract.Promise.allCases)
            func `\(name) keeps the contract`(_ promise: TrainerContract.Promise) throws {
                try TrainerContract(
                    plugin: try plugin(), settings: .object(["script": .string(script)]),
                    assignment: ["lr": .float(0.01), "batch_size": .int(8)]
                ).verify(promise)
            }
        }

        """
    }

    private var makefile: String {
        """
        .PHONY: build test install

        build:
        \tswift build -c release --static-swift-stdlib

        test:
        \tswift build --build-tests
        \tswift test --skip-build

        install: build
        \tmkdir -p $(HOME)/.iterhpo/agent/plugins
        \tcp .build/release/\(name) $(HOME)/.iterhpo/agent/plugins/

        """
    }

    private var readme: String {
        """
        # \(name)

        A plugin for iterhpo. `make test` builds it and runs the contract that every plugin keeps around
        `Examples/train.py`; `make install` puts it where this machine's agent finds it. In a study:

        ```yaml
        trainer:
          plugin: \(name)
          settings: { script: train.py }
        ```

        """
    }

    private var script: String {
        """
        \"""A trainer that trains nothing: what a plugin's script has to do, with a loss that only falls.\"""
        import argparse
        import json
        import os
        import signal
        import time

        parser = argparse.ArgumentParser()
        parser.add_argument("--lr", type=float, required=True)
        parser.add_argument("--batch_size", type=int, required=True)
        parser.add_argument("--steps", type=int, required=True)
        parser.add_argument("--first-step", type=int, default=0)
        parser.add_argument("--save-to", required=True)
        parser.add_argument("--load")
        args = parser.parse_args()

        loss = json.load(open(os.path.join(args.load, "loss.json"))) if args.load else 4.0
        stopped = False


        def stop(*_):
            global stopped
            stopped = True


        signal.signal(signal.SIGTERM, stop)


        def save(step):
            folder = os.path.join(args.save_to, f"step_{step}")
            os.makedirs(folder)
            json.dump(loss, open(os.path.join(folder, "loss.json"), "w"))
            # Last: a folder without it is not complete.
            open(os.path.join(folder, "done"), "w").close()


        for step in range(args.first_step + 1, args.steps + 1):
            loss *= 1 - args.lr
            time.sleep(0.001)
            print(f"step {step} loss {loss!r}", flush=True)
            if step % 8 == 0 or step == args.steps or stopped:
                save(step)
            if stopped:
                break

        """
    }
}
