import TestSupport
import Testing

/// Mailboxes of which one is so large that other connections help with it.
@Suite("A large mailbox") struct LargeMailboxTests {
  /// - Parameters:
  ///   - allowed: connections that the server grants.
  ///   - small: mailboxes beside it, so that lanes have something to do before they rest.
  @Test(
    "a first sync over several connections gives what one would",
    arguments: [
      (Combination.maildirAndIMAP, 10, 0), (.maildirAndIMAP, 10, 11), (.maildirAndIMAP, 2, 0),
      (.servers, 10, 0), (.maildirAndExec, 10, 0),
    ])
  func firstSync(combination: Combination, allowed: Int, small: Int) throws {
    var options = DovecotOptions()
    options.extra = "mail_max_userip_connections = \(allowed)"
    try withPair(combination, right: options) { pair in
      pair.right.keys["connections"] = "4"
      let count = 1_150
      try pair.right.store.add(tokens: (1...count).map { "large\($0)" })
      for number in 1..<(small + 1) {
        try pair.right.store.create("Small\(number)")
        try pair.right.store.add(
          makeMessage("small\(number)"), to: "Small\(number)", flags: ["\\Seen"], date: nil)
      }
      let report = try pair.report()
      #expect(report.left.saved == count + small)
      #expect(report.right.renumbered == 0 && report.left.renumbered == 0)
      #expect(try expectEqualSides(pair) == count + small)
      try expectQuiet(pair)
      // The connections that helped are their lanes' own again.
      try pair.left.store.add(tokens: ["later"])
      try pair.right.store.flag(["large7"], in: "INBOX", add: ["\\Flagged"], remove: [])
      try pair.sync()
      #expect(try expectEqualSides(pair) == count + small + 1)
    }
  }
}
