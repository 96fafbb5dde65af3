import Foundation
import TestSupport
import Testing

@testable import mboxsync

@Suite("Stores that are one") struct StoreOverlapTests {
  private static let same = "both sides are the same"
  private static let rightInside = "the right side lies in the left one"
  private static let leftInside = "the left side lies in the right one"

  @Test(
    "one account, or a part of it, is refused as both sides",
    arguments: [
      ("imaps://a@h.example", "imaps://a@H.Example.:993", "", same),
      ("imap://a@localhost:1143", "imap://a@127.0.0.1:1143", "", same),
      ("imap://a@localhost:1143", "imap://a@[::1]:1143", "", same),
      ("imaps://h", "imaps://me@h", "", same),
      ("imaps://a@h", "imaps://b@h", "right.user = a", same),
      ("imaps://a@h", "imaps://a@h", "left.prefix = A\nright.prefix = A", same),
      ("imaps://a@h", "imaps://a@h", "right.prefix = Backup", rightInside),
      ("imaps://a@h", "imaps://a@h", "left.prefix = Backup", leftInside),
      ("imaps://a@h", "imaps://a@h", "left.prefix = A\nright.prefix = A/B", rightInside),
      ("imaps://a@h", "imaps://a@h", "right.prefix = B\nmailboxes = * !B/INBOX", rightInside),
      ("exec:imap x", "exec:imap x", "", same),
      ("exec:imap x", "exec:imap x", "left.prefix = B", leftInside),
      ("maildir:/m", "maildir:/m", "right.prefix = B", rightInside),
      ("maildir:/m", "maildir:/m/.A", "", rightInside),
      ("maildir:/m/A/B", "maildir:/m/", "", leftInside),
      ("maildir:/m/A/B", "maildir:/m/", "right.prefix = A", leftInside),
    ])
  func refused(left: String, right: String, keys: String, words: String) {
    let error = #expect(throws: ConfigurationError.self) {
      try configuration("[pair p]\nleft = \(left)\nright = \(right)\n\(keys)\n")
    }
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    #expect(error?.exitCode == .configuration)
  }

  @Test(
    "what has nothing in common is not",
    arguments: [
      ("imaps://a@h", "imaps://b@h", ""),
      ("imaps://a@h", "imaps://a@h:1993", ""),
      ("imaps://a@h", "imaps://a@h2", ""),
      ("imaps://a@h", "imaps://A@h", ""),
      ("imaps://a@h", "imaps://a@h", "left.prefix = A\nright.prefix = B"),
      ("imaps://a@h", "imaps://a@h", "left.prefix = A\nright.prefix = AB"),
      // What goes there is not taken from there.
      ("imaps://a@h", "imaps://a@h", "right.prefix = B\nmailboxes = * !B !B/*"),
      ("imaps://a@h", "imaps://a@h", "right.prefix = B\nmailboxes = INBOX"),
      ("exec:imap x", "exec:imap y", ""),
      ("exec:imap x", "exec:imap x", "left.user = a\nright.user = b"),
      ("imap://a@localhost", "maildir:/m", ""),
      ("maildir:/m", "maildir:/m2", ""),
      ("maildir:/m/a", "maildir:/m/b", ""),
      ("maildir:/m", "maildir:/m/.A", "left.prefix = B"),
    ])
  func allowed(left: String, right: String, keys: String) throws {
    _ = try configuration("[pair p]\nleft = \(left)\nright = \(right)\n\(keys)\n")
  }

  @Test("links are followed, also to what is not there yet")
  func links() throws {
    try withTemporaryDirectory { scratch in
      let root = try scratch.directory("real/Mail")
      #expect(symlink(scratch.path("real"), scratch.path("link")) == 0)
      for (right, words) in [
        (scratch.path("link/Mail"), StoreOverlapTests.same),
        (scratch.path("link/Mail/.New/x"), StoreOverlapTests.rightInside),
      ] {
        let error = #expect(throws: ConfigurationError.self) {
          try configuration("[pair p]\nleft = maildir:\(root)\nright = maildir:\(right)\n")
        }
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
      }
      _ = try configuration(
        "[pair p]\nleft = maildir:\(root)\nright = maildir:\(scratch.path("link/Other"))\n")
    }
  }

  @Test("a path is resolved as far as it exists")
  func resolved() throws {
    #expect(Paths.resolved("/") == "/")
    #expect(Paths.resolved("/no/such//place/") == "/no/such/place")
    try withTemporaryDirectory { scratch in
      let real = Paths.resolved(try scratch.directory("a"))
      #expect(symlink("a", scratch.path("b")) == 0)
      #expect(symlink("nowhere", scratch.path("c")) == 0)
      #expect(Paths.resolved(scratch.path("b/x/y")) == "\(real)/x/y")
      #expect(Paths.resolved(scratch.path("c/x")).hasSuffix("/c/x"))
    }
  }
}
