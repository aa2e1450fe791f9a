// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours: a warning is an error, and what is imported is said.
let rules: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

/// Also in debug builds: unoptimised, loops over floats are a hundred times slower, and the searches, simulations
/// and trainings in the tests would take many minutes.
let optimised: [SwiftSetting] = [.unsafeFlags(["-O"], .when(configuration: .debug))]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

/// Programs that go to hosts without Swift: a release has the runtime in it, and no names of symbols. Not
/// `swift build --static-swift-stdlib`, which would build every library anew for these few programs; with it
/// the compiler would name the last three libraries by itself.
let standalone: [LinkerSetting] = [
    .unsafeFlags(
        [
            "-static-stdlib", "-Xlinker", "-s", "-lswiftSynchronization", "-l_FoundationCollections",
            "-l_FoundationCShims",
        ], .when(configuration: .release))
]

/// A plugin in its own folder: one executable over TrainerKit.
func plugin(_ name: String) -> Target {
    .executableTarget(
        name: name, dependencies: ["FleetModel", "Wire", "TrainerKit"], path: "plugins/\(name)",
        swiftSettings: rules, linkerSettings: standalone)
}

let package = Package(
    name: "iterhpo",
    products: [
        .library(name: "Search", targets: ["Search"]),
        .library(name: "TrainerKit", targets: ["TrainerKit"]),
        .library(name: "TrainerKitTesting", targets: ["TrainerKitTesting"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // Nouns, and the pure core.
        .target(name: "FleetModel", swiftSettings: rules),
        .target(name: "Search", dependencies: ["FleetModel"], swiftSettings: rules + optimised),
        .target(name: "StudyCore", dependencies: ["FleetModel", "Search"], swiftSettings: rules),
        .target(
            name: "Simulation", dependencies: ["FleetModel", "Search", "StudyCore"],
            swiftSettings: rules + optimised),

        // The pipe, its kit, and the edges.
        .target(name: "Wire", dependencies: ["FleetModel"], swiftSettings: rules),
        .target(name: "CLinux"),
        .target(name: "CXXHash"),
        .target(name: "TrainerKit", dependencies: ["FleetModel", "Wire", "Spawn"], swiftSettings: rules),
        .target(
            name: "TrainerKitTesting", dependencies: ["FleetModel", "Wire", "Spawn"],
            swiftSettings: rules),
        .target(name: "Spawn", dependencies: ["CLinux", "Wire"], swiftSettings: rules),
        .systemLibrary(name: "CLibSSH", pkgConfig: "libssh", providers: [.apt(["libssh-dev"])]),
        .target(
            name: "FleetLink", dependencies: ["CLibSSH", "CLinux", "FleetModel", "Wire", "Spawn"],
            swiftSettings: rules),
        .target(name: "Journal", dependencies: ["FleetModel", "StudyCore", grdb], swiftSettings: rules),

        // Programs.
        .executableTarget(
            name: "coordinator",
            dependencies: [
                "FleetModel", "Search", "StudyCore", "Simulation", "Spawn", "Wire", "TrainerKit", "FleetLink",
                "Journal",
                argumentParser,
                yams,
            ],
            swiftSettings: rules),
        .executableTarget(
            name: "agent", dependencies: ["CXXHash", "FleetModel", "Wire", "Spawn", argumentParser, crypto],
            path: "agents/agent", swiftSettings: rules, linkerSettings: standalone),
        plugin("command"),
        .executableTarget(
            name: "huggingface", dependencies: ["FleetModel", "Wire", "TrainerKit"],
            path: "plugins/huggingface", resources: [.embedInCode("Python")], swiftSettings: rules,
            linkerSettings: standalone),
        plugin("megatron"),
        plugin("scripted"),
        .executableTarget(
            name: "native", dependencies: ["FleetModel", "Wire", "TrainerKit", "COpenBLAS"],
            path: "plugins/native",
            // Not standalone: with the runtime and OpenBLAS both inside, it finds no arguments.
            swiftSettings: rules + optimised),
        .target(
            name: "COpenBLAS",
            linkerSettings: [
                .linkedLibrary(":libopenblas.a"), .linkedLibrary("pthread"), .linkedLibrary("m"),
            ]),

        // Benchmarks.
        .target(
            name: "BusyStudy", dependencies: ["FleetModel", "Journal", "Search", "StudyCore"],
            path: "Benchmarks/BusyStudy", swiftSettings: rules),
        .executableTarget(
            name: "JournalSpeed", dependencies: ["BusyStudy", "Journal", "StudyCore"],
            path: "Benchmarks/JournalSpeed", swiftSettings: rules),
        .target(
            name: "Forwarding", dependencies: ["Spawn"], path: "Benchmarks/Forwarding", swiftSettings: rules),
        .executableTarget(
            name: "TransferSpeed", dependencies: ["FleetLink", "FleetModel", "Forwarding", "Spawn", "Wire"],
            path: "Benchmarks/TransferSpeed", swiftSettings: rules),
        .executableTarget(
            name: "PluginCost", dependencies: ["FleetModel", "Spawn", "TrainerKitTesting", "Wire"],
            path: "Benchmarks/PluginCost", swiftSettings: rules),
        .executableTarget(
            name: "SamplerSpeed", dependencies: ["FleetModel", "Search"], path: "Benchmarks/SamplerSpeed",
            swiftSettings: rules),

        .executableTarget(
            name: "soak", dependencies: ["FleetModel", "Search", "Simulation", "StudyCore"],
            path: "Benchmarks/Soak", swiftSettings: rules),
        .executableTarget(
            name: "SimulationSpeed", dependencies: ["FleetModel", "Search", "Simulation", "StudyCore"],
            path: "Benchmarks/SimulationSpeed", swiftSettings: rules),

        // Tests.
        .testTarget(
            name: "JournalTests",
            dependencies: ["BusyStudy", "FleetModel", "Journal", "JournalSpeed", "Spawn", "StudyCore", grdb],
            swiftSettings: rules),
        .testTarget(name: "SearchTests", dependencies: ["FleetModel", "Search"], swiftSettings: rules),
        .testTarget(
            name: "NativeTests",
            dependencies: ["FleetModel", "Wire", "TrainerKit", "TrainerKitTesting", "native"],
            swiftSettings: rules),
        .testTarget(
            name: "HuggingFaceTests",
            dependencies: ["FleetModel", "Wire", "Spawn", "TrainerKit", "TrainerKitTesting", "huggingface"],
            exclude: ["Scripts", "environment"], swiftSettings: rules),
        .testTarget(
            name: "MegatronTests",
            dependencies: ["FleetModel", "Wire", "TrainerKit", "TrainerKitTesting", "megatron"],
            exclude: ["StandIns"], swiftSettings: rules),
        .testTarget(
            name: "TrainerKitTests",
            dependencies: [
                "FleetModel", "Wire", "Spawn", "TrainerKit", "TrainerKitTesting", "scripted", "command",
            ],
            swiftSettings: rules),
        .testTarget(
            name: "StudyCoreTests", dependencies: ["FleetModel", "Search", "StudyCore"], swiftSettings: rules),
        .testTarget(
            name: "SimulationTests", dependencies: ["FleetModel", "Search", "Simulation", "StudyCore"],
            swiftSettings: rules),
        .testTarget(
            name: "CoordinatorTests", dependencies: ["coordinator", "FleetModel", "Search", "StudyCore"],
            exclude: ["Snapshots"], swiftSettings: rules),
        .testTarget(
            name: "AgentTests",
            dependencies: ["agent", "scripted", "FleetModel", "FleetLink", "Wire", "Spawn"],
            exclude: ["StandIns"], swiftSettings: rules),
        .testTarget(
            name: "FleetLinkTests", dependencies: ["agent", "FleetLink", "FleetModel", "Wire", "Spawn"],
            swiftSettings: rules),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "agent", "command", "coordinator", "huggingface", "megatron", "native", "scripted",
                "FleetLink", "FleetModel", "Forwarding", "Journal", "Simulation", "Spawn", "StudyCore",
                "Wire",
            ], swiftSettings: rules),
        .testTarget(name: "TidyTests", swiftSettings: rules),
    ]
)
