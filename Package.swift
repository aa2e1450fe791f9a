// swift-tools-version: 6.2
import PackageDescription

let rules: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "iterhpo",
    products: [
        .library(name: "TrainerKit", targets: ["TrainerKit"]),
        .library(name: "TrainerKitTesting", targets: ["TrainerKitTesting"]),
    ],
    dependencies: [],
    targets: [
        .target(name: "FleetModel", swiftSettings: rules),
        .target(name: "Wire", dependencies: ["FleetModel"], swiftSettings: rules),
        .target(name: "CLinux"),
        .target(
            name: "TrainerKit", dependencies: ["FleetModel", "Wire", "CLinux"], swiftSettings: rules),
        .target(
            name: "TrainerKitTesting", dependencies: ["FleetModel", "Wire", "TrainerKit"], swiftSettings: rules),
        .executableTarget(
            name: "scripted", dependencies: ["FleetModel", "Wire", "TrainerKit"], path: "plugins/scripted",
            swiftSettings: rules),
        .executableTarget(
            name: "command", dependencies: ["FleetModel", "Wire", "TrainerKit"], path: "plugins/command",
            swiftSettings: rules),
        .testTarget(
            name: "TrainerKitTests",
            dependencies: ["FleetModel", "Wire", "TrainerKit", "TrainerKitTesting", "scripted", "command"],
            swiftSettings: rules),
        .target(
            name: "COpenBLAS",
            linkerSettings: [
                .linkedLibrary(":libopenblas.a"), .linkedLibrary("pthread"), .linkedLibrary("m"),
            ]),
        .executableTarget(
            name: "native", dependencies: ["FleetModel", "Wire", "TrainerKit", "COpenBLAS"],
            path: "plugins/native",
            // Unoptimised, the loops over floats are a hundred times slower: no debug build could train.
            swiftSettings: rules + [.unsafeFlags(["-O"], .when(configuration: .debug))]),
        .testTarget(
            name: "NativeTests",
            dependencies: ["FleetModel", "Wire", "TrainerKit", "TrainerKitTesting", "native"],
            swiftSettings: rules),
    ]
)
