import Foundation
import TestSupport
import Testing

/// The proof that a user can run: what `mboxsync verify` finds, and that nothing comes of it.
@Suite("Verify") struct VerifyTests {
  private static let tokens = (1...12).map { "m\($0)" }

  /// A synced pair with mail of either side, flags and a second mailbox.
  private func fill(_ pair: Pair) throws {
    try pair.left.store.add(tokens: Array(VerifyTests.tokens.prefix(6)))
    try pair.right.store.add(tokens: Array(VerifyTests.tokens.suffix(6)))
    try pair.left.store.flag(["m1", "m2"], in: "INBOX", add: ["\\Seen", "work"], remove: [])
    try pair.right.store.create("Archive/2025")
    try pair.right.store.add(tokens: ["old"], to: "Archive/2025")
    try pair.sync()
  }

  // MARK: Equal

  @Test("synced sides are equal, and are left as they are", arguments: Combination.allCases)
  func equal(combination: Combination) throws {
    try withPair(combination) { pair in
      try fill(pair)
      let before = try VerifyTests.footprint(pair)
      #expect(try pair.sync(verb: "verify").outputText == "")
      let report = try verify(pair)
      #expect(report.equal && report.differences.isEmpty && report.errors.isEmpty)
      #expect(report.mailboxes.reduce(0) { $0 + $1.messages } == 13)
      #expect(report.left.messages == 13 && report.right.messages == 13)
      #expect(Set(report.mailboxes.map(\.name)).isSuperset(of: ["INBOX", "Archive/2025"]))
      #expect(try VerifyTests.footprint(pair).difference(from: before).isEmpty)
      let verbose = try pair.sync("-v", verb: "verify").outputText
      #expect(verbose.contains("test: INBOX: equal, 12 messages compared"))
      #expect(verbose.contains("test: equal: "))
    }
  }

  @Test("mail that was not read yet stays recent, and unread")
  func recent() throws {
    try withPair(.maildirAndIMAP) { pair in
      try pair.left.store.add(tokens: ["a"])
      try pair.sync()
      try pair.right.store.add(tokens: ["b"])
      let maildir = try #require(pair.left.maildir)
      try maildir.add(tokens: ["c"])
      let session = try pair.right.openSession()
      defer { session.logOut() }
      let recent = try recentCount(session)
      #expect(recent > 0)
      #expect(try verify(pair, expecting: 1).differences.count == 3)
      #expect(try recentCount(session) == recent)
      #expect(try session.messages(in: "INBOX").allSatisfy { $0.flags.isEmpty })
      #expect(entries("\(maildir.root)/new").count { $0.hasSuffix(".left") } >= 1)
    }
  }

  /// Messages that no session was told of as new.
  private func recentCount(_ session: IMAPTestClient) throws -> UInt64 {
    let replies = try session.command("STATUS INBOX (RECENT)")
    let status = replies.first { $0.values.count > 3 && $0.values[1].text == "STATUS" }
    return status?.values[3]["RECENT"]?.number ?? 0
  }

  @Test("neither a read-only Maildir nor a read-only state keeps it from comparing")
  func readOnly() throws {
    try withPair(.maildirAndIMAP) { pair in
      try fill(pair)
      let maildir = try #require(pair.left.maildir)
      let roots = [maildir.root, pair.directory.path("state")]
      for root in roots { try setWritable(false, root) }
      defer { for root in roots { try? setWritable(true, root) } }
      #expect(try verify(pair).equal)
    }
  }

  // MARK: Different

  /// What is done by hand, and the kinds of difference that have to be found.
  struct Damage: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var kinds: [String]
    var text: String
    var harm: @Sendable (Pair) throws -> Void

    init(
      _ name: String, _ kinds: [String], _ text: String,
      _ harm: @escaping @Sendable (Pair) throws -> Void
    ) {
      testDescription = name
      self.kinds = kinds
      self.text = text
      self.harm = harm
    }
  }

  static let damages = [
    Damage("a byte changed", ["content"], "content differs") { pair in
      try rewrite("m3", pair) { $0[$0.count - 3] ^= 1 }
    },
    Damage("a byte more", ["content"], "octets on the left") { pair in
      try rewrite("m3", pair) { $0.append(10) }
    },
    Damage("a flag", ["flags"], #"\Flagged only on the left"#) { pair in
      try pair.left.store.flag("m4", add: ["\\Flagged"])
    },
    Damage("a keyword on the server", ["flags"], "later only on the right") { pair in
      try pair.right.store.flag("m4", add: ["later"])
    },
    Damage("a date", ["date"], "received dates differ") { pair in
      let path = try file("m5", pair)
      let times = [
        timeval(tv_sec: 1_500_000_000, tv_usec: 0), timeval(tv_sec: 1_500_000_000, tv_usec: 0),
      ]
      #expect(utimes(path, times) == 0)
    },
    Damage("a message missing on the left", ["missing"], "expunged on the left since") { pair in
      unlink(try file("m6", pair))
    },
    Damage("a message missing on the right", ["missing"], "expunged on the right since") { pair in
      try pair.right.store.expunge(["m6"], in: "INBOX")
    },
    Damage("a new message on the left", ["missing"], "only on the left, new since") { pair in
      try pair.left.store.add(tokens: ["new"])
    },
    Damage("a new message on the right", ["missing", "uidnext"], "new since the last") { pair in
      try pair.right.store.add(tokens: ["new"])
    },
    Damage("a mailbox more", ["mailbox"], "mailbox only on the left, with 1 message") { pair in
      try pair.left.store.create("Extra")
      try pair.left.store.add(tokens: ["extra"], to: "Extra")
    },
    Damage("a mailbox gone", ["mailbox"], "Archive/2025: mailbox only on the right") { pair in
      try pair.left.store.delete("Archive/2025")
    },
    Damage("a subscription", ["subscription"], "subscribed only on the right") { pair in
      let session = try pair.right.openSession()
      defer { session.logOut() }
      try session.subscribe("Archive/2025")
    },
    Damage("another UID", ["uid", "uidnext"], "on the left is UID") { pair in
      // A message that is put back under its old name, but a new number.
      let session = try pair.right.openSession()
      defer { session.logOut() }
      let old = try session.messages(in: "INBOX").first { $0.token == "m7" }
      let uid = try #require(old?.uid)
      try session.copy([uid], in: "INBOX", to: "INBOX")
      try session.expunge([uid], in: "INBOX")
    },
  ]

  @Test("each kind of difference is found, and nothing else", arguments: damages)
  func differences(damage: Damage) throws {
    try withPair(.maildirAndIMAP) { pair in
      try fill(pair)
      try damage.harm(pair)
      let before = try VerifyTests.footprint(pair)
      let report = try verify(pair, expecting: 1)
      #expect(report.differences.map(\.kind).sorted() == damage.kinds)
      #expect(!report.equal && report.result == "ok" && report.errors.isEmpty)
      let lines = try pair.sync(expecting: 1, verb: "verify").outputText
      #expect(lines.split(separator: "\n").count == damage.kinds.count)
      #expect(lines.contains(damage.text), "\(lines)")
      #expect(try VerifyTests.footprint(pair).difference(from: before).isEmpty)
      let quiet = try pair.sync("-q", expecting: 1, verb: "verify")
      #expect(quiet.outputText == "" && quiet.errorText == "")
    }
  }

  @Test("where each side has its own UIDs only the rest is compared")
  func map() throws {
    try withPair(.servers, keys: ["uids": "map"]) { pair in
      try pair.left.store.add(tokens: ["a", "b", "c"])
      try pair.right.store.add(tokens: ["d"])
      for side in pair.sides {
        try side.store.add(makeMessage("both"), to: "INBOX", flags: [], date: 1_700_000_000)
      }
      try pair.sync()
      let report = try verify(pair)
      #expect(report.equal && report.mailboxes.first { $0.name == "INBOX" }?.uids == "map")
      try pair.right.store.flag("b", add: ["\\Answered"])
      #expect(try verify(pair, expecting: 1).differences.map(\.kind) == ["flags"])
    }
  }

  @Test("stubs are counted, not called different; so are messages that the server altered")
  func stubsAndAltered() throws {
    try withPair(.maildirAndIMAP, keys: ["max-size": "10k"]) { pair in
      try pair.right.store.add(makeMessage("big", size: 100_000))
      try pair.left.store.add(oddMessages.map(\.bytes))
      try pair.sync()
      let report = try verify(pair)
      let inbox = try #require(report.mailboxes.first { $0.name == "INBOX" })
      #expect(report.equal && inbox.messages == oddMessages.count + 1)
      // The long line is larger than 10k, too.
      #expect(inbox.stubs == 2 && inbox.altered == oddMessages.count { $0.isAltered })
    }
  }

  // MARK: Trouble

  @Test("without state the sides are matched by what they hold")
  func lostState() throws {
    try withPair(.maildirAndIMAP) { pair in
      try fill(pair)
      try FileManager.default.removeItem(atPath: pair.directory.path("state"))
      #expect(try verify(pair).equal)
      #expect(!FileManager.default.fileExists(atPath: pair.directory.path("state")))
    }
  }

  @Test("a file that can't be read as a message is named, and everything else compared")
  func unreadable() throws {
    try withPair(.maildirAndIMAP) { pair in
      try fill(pair)
      // As Dovecot's zlib plugin stores it.
      try VerifyTests.rewrite("m3", pair) { $0.replaceSubrange(..<3, with: [0x1f, 0x8b, 0x08]) }
      let report = try verify(pair, expecting: 1)
      #expect(report.errors.map(\.code) == ["unreadable"] && report.result == "partial")
      #expect(report.differences.isEmpty && !report.equal)
    }
  }

  @Test("a server that can't be reached, or lets nobody in, is no difference")
  func unreachable() throws {
    try withPair(.maildirAndIMAP) { pair in
      try fill(pair)
      let url = pair.right.keys["url"]
      pair.right.keys["url"] = "imap://alice@127.0.0.1:1"
      #expect(try verify(pair, expecting: 69).errors.map(\.code) == ["unreachable"])
      pair.right.keys["url"] = url
      pair.right.keys["password-file"] = try pair.directory.write(
        "wrong\n", to: "wrong", mode: 0o600)
      #expect(try verify(pair, expecting: 77).errors.map(\.code) == ["auth"])
    }
  }

  @Test("a Maildir that is gone is named as such")
  func rootGone() throws {
    try withPair(.maildirAndIMAP) { pair in
      try fill(pair)
      let maildir = try #require(pair.left.maildir)
      try FileManager.default.moveItem(atPath: maildir.root, toPath: maildir.root + ".away")
      let report = try verify(pair, expecting: 2)
      #expect(report.result == "refused" && report.differences.isEmpty)
    }
  }

  @Test("it waits for no run and lets none begin, but another comparison")
  func lock() throws {
    try withPair(.maildirAndIMAP) { pair in
      try fill(pair)
      let state = pair.directory.path("state")
      let name = try #require(entries(state).first { $0.hasSuffix(".lock") })
      let lock = open("\(state)/\(name)", O_RDWR | O_CLOEXEC)
      #expect(lock >= 0)
      defer { close(lock) }
      #expect(flock(lock, LOCK_SH | LOCK_NB) == 0)
      #expect(try verify(pair).equal)
      // As while another comparison is going on, whose number nobody wrote down.
      let refused = try pair.sync(expecting: 75).errorText
      #expect(refused.contains("another run of test is going on"))
      #expect(flock(lock, LOCK_EX | LOCK_NB) == 0)
      #expect(try verify(pair, expecting: 75).errors.map(\.code) == ["locked"])
    }
  }

  @Test(
    "thousands of messages, and one of 20 MB, are digested in little memory and few round trips")
  func many() throws {
    try withPair(.maildirAndIMAP) { pair in
      try pair.left.store.add(tokens: (1...3_000).map { "m\($0)" })
      try pair.left.store.add(makeMessage("big", size: 20_000_000))
      try pair.sync()
      let report = try verify(pair)
      #expect(report.equal && report.left.messages == 3_001)
      #expect(report.right.roundTrips < 40)
      #expect(report.right.octets == report.left.octets && report.left.octets > 20_000_000)
    }
  }

  // MARK: Helpers

  private func verify(
    _ pair: Pair, _ more: String..., expecting code: Int32 = 0,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> VerifiedPair {
    let result = try pair.sync(
      "--json", expecting: code, verb: "verify", sourceLocation: sourceLocation)
    let whole = try JSONDecoder().decode(VerifiedPairs.self, from: Data(result.output))
    return try #require(whole.pairs.first, sourceLocation: sourceLocation)
  }

  /// The file of a message on the left.
  private static func file(_ token: String, _ pair: Pair) throws -> String {
    let root = try #require(pair.left.maildir).root
    for part in ["cur", "new"] {
      for name in entries("\(root)/\(part)") {
        let data = FileManager.default.contents(atPath: "\(root)/\(part)/\(name)") ?? Data()
        if String(decoding: data, as: UTF8.self).contains("X-Token: \(token)\n") {
          return "\(root)/\(part)/\(name)"
        }
      }
    }
    throw TestFailure("no file of \(token)")
  }

  /// Changes the bytes of a message on the left, and nothing else about its file.
  private static func rewrite(
    _ token: String, _ pair: Pair, _ change: (inout [UInt8]) -> Void
  ) throws {
    let path = try file(token, pair)
    var status = stat()
    #expect(stat(path, &status) == 0)
    var bytes = [UInt8](FileManager.default.contents(atPath: path) ?? Data())
    change(&bytes)
    let stream = try #require(fopen(path, "r+"))
    #expect(fwrite(bytes, 1, bytes.count, stream) == bytes.count && fclose(stream) == 0)
    #expect(utimensat(AT_FDCWD, path, [status.st_atim, status.st_mtim], 0) == 0)
  }

  /// Everything that a comparison could change: every file and directory of a Maildir and of the state with
  /// its times, and what a server tells of its mailboxes.
  private static func footprint(_ pair: Pair) throws -> [String] {
    var lines = files(under: pair.directory.path("state"), withContents: true)
    for side in pair.sides {
      if let maildir = side.maildir {
        lines += files(under: maildir.root, withContents: false)
      } else {
        for mailbox in try side.store.mailboxes().sorted() {
          lines.append("\(mailbox): \(String(describing: try side.store.numbers(of: mailbox)))")
          lines += try side.store.messages(in: mailbox).map { "\($0)" }
        }
      }
    }
    return lines
  }

  private static func files(under root: String, withContents: Bool) -> [String] {
    let paths = [""] + ((try? FileManager.default.subpathsOfDirectory(atPath: root)) ?? []).sorted()
    return paths.map { path in
      var status = stat()
      guard lstat("\(root)/\(path)", &status) == 0 else { return "\(path): gone" }
      var digest = 0
      if withContents, let data = FileManager.default.contents(atPath: "\(root)/\(path)") {
        digest = data.hashValue
      }
      return "\(path) \(status.st_mode) \(status.st_size) \(status.st_ino) \(digest) "
        + "\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec) "
        + "\(status.st_ctim.tv_sec).\(status.st_ctim.tv_nsec)"
    }
  }

  private func setWritable(_ isWritable: Bool, _ root: String) throws {
    let paths = [""] + (try FileManager.default.subpathsOfDirectory(atPath: root))
    for path in paths {
      var status = stat()
      guard lstat("\(root)/\(path)", &status) == 0 else { continue }
      let mode = isWritable ? status.st_mode | 0o200 : status.st_mode & ~0o222
      #expect(chmod("\(root)/\(path)", mode & 0o7777) == 0)
    }
  }
}

private func entries(_ path: String) -> [String] {
  ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
}

/// What `verify --json` prints, as far as tests look at it.
private struct VerifiedPairs: Decodable {
  var pairs: [VerifiedPair]
}

private struct VerifiedPair: Decodable {
  struct Side: Decodable {
    var messages: Int
    var octets: Int
    var roundTrips: Int

    enum CodingKeys: String, CodingKey {
      case messages
      case octets
      case roundTrips = "round_trips"
    }
  }

  struct Mailbox: Decodable {
    var name: String
    var uids: String?
    var messages: Int
    var stubs: Int
    var altered: Int
  }

  struct Difference: Decodable {
    var kind: String
    var message: String
  }

  struct Problem: Decodable {
    var code: String
  }

  var result: String
  var equal: Bool
  var left: Side
  var right: Side
  var mailboxes: [Mailbox]
  var differences: [Difference]
  var errors: [Problem]
}
