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
    products: [],
    dependencies: [],
    targets: [
        .target(name: "FleetModel", swiftSettings: rules),
        .target(name: "Search", dependencies: ["FleetModel"], swiftSettings: rules),
        .testTarget(
            name: "SearchTests", dependencies: ["Search", "FleetModel"], swiftSettings: rules),
        .target(name: "Wire", dependencies: ["FleetModel"], swiftSettings: rules),
    ]
)
