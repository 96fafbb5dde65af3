/// This program's name and version.
enum Version {
  static let current = "0.1.0"
  static let line = "mboxsync \(current)"
}
