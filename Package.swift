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
    ]
)
