// swift-tools-version: 6.2
import PackageDescription

// The parsers of the package two levels up with a coverage-guided fuzzer linked to them: see contrib/fuzz. A package
// of its own, since nothing else is to be compiled with these flags.

let instrumented: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .unsafeFlags(["-sanitize=fuzzer,address", "-enable-testing"]),
]

let package = Package(
  name: "fuzz",
  targets: [
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl"),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3"),
    .systemLibrary(name: "CLinux"),
    .target(
      name: "IMAPClient", dependencies: ["CLinux", "COpenSSL", "CZlib"],
      swiftSettings: instrumented),
    .target(
      name: "SyncEngine", dependencies: ["IMAPClient", "CLinux", "CSQLite"],
      swiftSettings: instrumented),
    .target(
      name: "mboxsync", dependencies: ["SyncEngine", "IMAPClient", "CLinux"],
      exclude: ["Main.swift"], swiftSettings: instrumented),
    // The fuzzer's own main is in the library that is linked to it; here only its driver is called.
    .executableTarget(
      name: "fuzz", dependencies: ["mboxsync", "SyncEngine", "IMAPClient"], path: "Sources/Fuzz",
      swiftSettings: [.unsafeFlags(["-sanitize=address"])],
      linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]),
  ],
  swiftLanguageModes: [.v6]
)
