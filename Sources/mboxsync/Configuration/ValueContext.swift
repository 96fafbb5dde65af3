/// What values are read with.
struct ValueContext: Sendable {
  var environment: Environment
  /// Seconds since 1970: what `since = 90d` counts from.
  var now: Int64
  /// Where a relative path starts; `nil` in a file, which can be used from anywhere.
  var currentDirectory: String?
}
