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
    products: [.executable(name: "agent", targets: ["agent"])],
    dependencies: [.package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2")],
    targets: [
        .target(name: "FleetModel", swiftSettings: rules),
        .target(name: "Wire", dependencies: ["FleetModel"], swiftSettings: rules),
        .target(name: "Spawn", swiftSettings: rules),
        .target(name: "FleetLink", dependencies: ["FleetModel", "Wire", "Spawn"], swiftSettings: rules),
        .executableTarget(
            name: "agent",
            dependencies: [
                "FleetModel", "Wire", "Spawn",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "agents/agent", swiftSettings: rules),
        .testTarget(
            name: "AgentTests", dependencies: ["agent", "FleetModel", "Wire", "Spawn"],
            exclude: ["StandIns"], swiftSettings: rules),
        .testTarget(
            name: "FleetLinkTests", dependencies: ["agent", "FleetLink", "FleetModel", "Wire", "Spawn"],
            swiftSettings: rules),
    ]
)
