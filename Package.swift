// swift-tools-version: 6.2
import PackageDescription

/// Every target is compiled with these: Swift 6 language mode, and a warning is an error.
let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

let package = Package(
  name: "mboxsync",
  products: [
    .executable(name: "mboxsync", targets: ["mboxsync"]),
    // For tests: preloaded into the program, it ends it at a chosen system call.
    .library(name: "CrashPoint", type: .dynamic, targets: ["CrashPoint"]),
    // The same, it answers in place of name servers.
    .library(name: "FakeNames", type: .dynamic, targets: ["FakeNames"]),
  ],
  targets: [
    .systemLibrary(
      name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(
      name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "CLinux"),

    .target(
      name: "IMAPClient", dependencies: ["CLinux", "COpenSSL", "CZlib"], swiftSettings: strict),
    .target(
      name: "SyncEngine", dependencies: ["IMAPClient", "CLinux", "CSQLite"],
      swiftSettings: strict),
    .executableTarget(
      name: "mboxsync", dependencies: ["SyncEngine", "IMAPClient", "CLinux"],
      swiftSettings: strict),

    .target(
      name: "CrashPoint", path: "Tests/CrashPoint",
      cSettings: [.enableWarning("all"), .enableWarning("extra"), .treatAllWarnings(as: .error)]),
    .target(
      name: "FakeNames", path: "Tests/FakeNames",
      cSettings: [.enableWarning("all"), .enableWarning("extra"), .treatAllWarnings(as: .error)]),
    .target(
      name: "TestSupport", dependencies: ["SyncEngine", "IMAPClient", "CLinux"],
      path: "Tests/TestSupport", swiftSettings: strict),
    .target(
      name: "Simulation", dependencies: ["SyncEngine", "IMAPClient", "TestSupport"],
      path: "Tests/Simulation", swiftSettings: strict),
    .executableTarget(
      name: "simulate", dependencies: ["Simulation", "CLinux"], path: "Tests/simulate",
      swiftSettings: strict),
    .testTarget(
      name: "SimulationTests",
      dependencies: ["Simulation", "SyncEngine", "IMAPClient", "TestSupport"],
      exclude: ["Regressions"], swiftSettings: strict),
    .testTarget(
      name: "IMAPClientTests", dependencies: ["IMAPClient", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "SyncEngineTests", dependencies: ["SyncEngine", "Simulation", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "mboxsyncTests", dependencies: ["mboxsync", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "FuzzTests", dependencies: ["mboxsync", "SyncEngine", "IMAPClient", "TestSupport"],
      exclude: ["Corpus"], swiftSettings: strict),
    .testTarget(
      name: "ServerTests", dependencies: ["mboxsync", "TestSupport", "IMAPClient", "SyncEngine"],
      swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
