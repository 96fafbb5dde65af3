/// What a value should have been: `one of both, left, right, none`.
struct ValueError: Error, Hashable {
  /// Completes "bad value 'x' for 'key': … is needed".
  var needed: String?
  /// Stands for the whole complaint.
  var complaint: String?

  static func needs(_ what: String) -> ValueError { ValueError(needed: what) }
  static func complains(_ text: String) -> ValueError { ValueError(complaint: text) }

  func message(key: String, value: String) -> String {
    if let complaint { return complaint }
    return "bad value '\(value)' for '\(key)', \(needed ?? "another") is needed"
  }
}
