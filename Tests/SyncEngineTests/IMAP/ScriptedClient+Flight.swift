import TestSupport

extension ScriptedClient {
  /// The tags of SELECT and UID FETCH for each of these, which come before anything is answered.
  ///
  /// - Parameter mode: what follows the name in SELECT.
  func flight(_ names: [String], mode: String = "") throws -> [[String]] {
    try names.map { name in
      try expect("SELECT \"\(name)\"\(mode)")
      let select = tag
      try expect("UID FETCH")
      return [select, tag]
    }
  }
}
