import Foundation
import TestSupport
import Testing

/// Old copies of a side, or of the state, take the place of what was synced last.
@Suite("Restored from backups") struct RestoreTests {
  /// Copies of everything that a pair consists of.
  private struct Backup {
    let pair: Pair

    private func path(_ name: String) -> String { pair.directory.path("backup-of-\(name)") }

    func make() throws {
      for name in ["left", "left-home", "right", "right-home", "state"] {
        guard FileManager.default.fileExists(atPath: pair.directory.path(name)) else { continue }
        try copy(pair.directory.path(name), path(name))
      }
    }

    func restore(_ names: String...) throws {
      for name in names where FileManager.default.fileExists(atPath: path(name)) {
        try FileManager.default.removeItem(atPath: pair.directory.path(name))
        try copy(path(name), pair.directory.path(name))
      }
    }

    private func copy(_ from: String, _ to: String) throws {
      _ = try runProgram(["/bin/cp", "-a", from, to], scratch: pair.directory)
    }
  }

  private let tokens = (1...20).map { "m\($0)" }

  /// A pair with 20 messages and a backup, to which things have happened since: to both sides, and synced.
  private func withAgedPair(
    _ combination: Combination, _ tier: Tier = .qresync, _ body: (Pair, Backup) throws -> Void
  ) throws {
    try withPair(combination, tier: tier) { pair in
      try pair.left.store.add(tokens: tokens)
      try pair.sync()
      try pair.sync()
      let backup = Backup(pair: pair)
      try backup.make()
      try pair.left.store.add(tokens: ["later-left"])
      try pair.right.store.add(tokens: ["later-right"])
      try pair.right.store.flag(["m1"], in: "INBOX", add: ["\\Flagged"], remove: [])
      try pair.left.store.expunge(["m2", "m3"], in: "INBOX")
      try pair.sync()
      try body(pair, backup)
    }
  }

  static let combinations = [Combination.maildirAndExec, .maildirs, .programs]

  @Test(
    "both sides: they are what they were, and are synced on from there", arguments: combinations)
  func bothSides(combination: Combination) throws {
    try withAgedPair(combination) { pair, backup in
      try backup.restore("left", "left-home", "right", "right-home")
      try pair.right.store.add(tokens: ["new-right"])
      try pair.left.store.add(tokens: ["new-left"])
      try pair.left.store.expunge(["m4"], in: "INBOX")
      try pair.sync()
      // What came later is on neither side any more. What was expunged later is there again.
      try expectTokens(tokens.filter { $0 != "m4" } + ["new-left", "new-right"], pair)
      try expectEqualSides(pair)
      if Combination.mirroring.contains(combination) { try expectMirror(pair) }
      try expectQuiet(pair)
    }
  }

  @Test(
    "the server: nothing is lost, and UIDs that it gives again stand for what they stand for now",
    arguments: [Combination.maildirAndExec, .programs], Tier.allCases)
  func server(combination: Combination, tier: Tier) throws {
    try withAgedPair(combination, tier) { pair, backup in
      try backup.restore("right-home")
      // It gets the UID that one of the later messages had.
      try pair.right.store.add(tokens: ["new-right"])
      try pair.sync()
      let left = try pair.left.store.tokens()
      for token in ["later-left", "later-right", "new-right", "m1", "m20"] {
        #expect(left.filter { $0 == token } == [token])
      }
      try expectEqualSides(pair)
      if Combination.mirroring.contains(combination) { try expectMirror(pair) }
      try expectQuiet(pair)
    }
  }

  /// So much has come since that neither UIDNEXT nor the mod-sequence is below what it was.
  @Test(
    "the server, which has been overtaken since: UIDs of the base that stand for other mail now are noticed",
    arguments: [Combination.maildirAndExec, .programs], Tier.allCases)
  func overtaken(combination: Combination, tier: Tier) throws {
    try withAgedPair(combination, tier) { pair, backup in
      let before = try #require(try pair.right.store.numbers(of: "INBOX"))
      try backup.restore("right-home")
      let new = (1...6).map { "new\($0)" }
      try pair.right.store.add(tokens: new)
      try waitUntil {
        try pair.right.store.flag(["m9"], in: "INBOX", add: ["\\Answered"], remove: [])
        try pair.right.store.flag(["m9"], in: "INBOX", add: [], remove: ["\\Answered"])
        return try pair.right.store.numbers(of: "INBOX")?.highestModSeq ?? 0 > before.highestModSeq
      }
      #expect(try pair.right.store.numbers(of: "INBOX")?.uidNext ?? 0 > before.uidNext)
      try pair.sync()
      let left = try pair.left.store.tokens()
      for token in ["later-left", "later-right", "m1", "m20"] + new {
        #expect(left.filter { $0 == token } == [token])
      }
      try expectEqualSides(pair)
      if Combination.mirroring.contains(combination) { try expectMirror(pair) }
      try expectQuiet(pair)
    }
  }

  @Test(
    "a Maildir that has been overtaken since", arguments: [Combination.maildirs, .maildirAndExec])
  func overtakenMaildir(combination: Combination) throws {
    try withAgedPair(combination) { pair, backup in
      try backup.restore("left")
      let new = (1...6).map { "new\($0)" }
      try pair.left.served.add(tokens: new)
      try pair.sync()
      let right = try pair.right.store.tokens()
      for token in ["later-left", "later-right", "m1", "m20"] + new {
        #expect(right.filter { $0 == token } == [token])
      }
      try expectEqualSides(pair)
      try expectMirror(pair)
      try expectQuiet(pair)
    }
  }

  @Test("the state alone: nothing is doubled or lost", arguments: combinations)
  func state(combination: Combination) throws {
    try withAgedPair(combination) { pair, backup in
      try backup.restore("state")
      try pair.left.store.add(tokens: ["new-left"])
      try pair.sync()
      try expectTokens(
        tokens.filter { !["m2", "m3"].contains($0) } + ["later-left", "later-right", "new-left"],
        pair)
      #expect(try pair.left.store.flags(of: "m1") == ["\\flagged"])
      try expectEqualSides(pair)
      if Combination.mirroring.contains(combination) { try expectMirror(pair) }
      try expectQuiet(pair)
    }
  }

  @Test("everything: as if nothing had been since", arguments: combinations)
  func everything(combination: Combination) throws {
    try withAgedPair(combination) { pair, backup in
      try backup.restore("left", "left-home", "right", "right-home", "state")
      try pair.sync()
      try expectTokens(tokens, pair)
      try expectEqualSides(pair)
      try expectQuiet(pair)
    }
  }

  // MARK: A state that is no good

  /// Kinds of damage to the file of the base.
  static let damages = ["0", "1", "99", "512", "4096", "half", "all but one", "garbage", "text"]

  @Test(
    "damaged state: it is set aside, said, and built anew; nothing is doubled", arguments: damages)
  func damaged(how: String) throws {
    try withPair(.maildirAndExec) { pair in
      try pair.left.store.add(tokens: tokens)
      try pair.sync()
      let file = try stateFile(pair)
      let bytes = try Data(contentsOf: file)
      let damagedBytes: Data =
        switch how {
        case "half": bytes.prefix(bytes.count / 2)
        case "all but one": bytes.dropLast()
        case "garbage":
          Data((0..<bytes.count).map { UInt8(truncatingIfNeeded: $0 &* 131 &+ 7) })
        case "text": Data("this is no database\n".utf8)
        default: bytes.prefix(Int(how) ?? 0)
        }
      try damagedBytes.write(to: file)
      chmod(file.path, 0o666)
      try pair.right.store.add(tokens: ["later"])
      let result = try pair.sync()
      #expect(result.errorText.contains("set aside"), "\(result.errorText)")
      try expectTokens(tokens + ["later"], pair)
      try expectMirror(pair)
      try expectQuiet(pair)
    }
  }

  @Test("the state of a newer version is left alone, and so is the mail: exit 78")
  func newer() throws {
    try withPair(.maildirAndExec) { pair in
      try pair.left.store.add(tokens: tokens)
      try pair.sync()
      let file = try stateFile(pair)
      // The header's user version: 4 octets from offset 60.
      var bytes = try Data(contentsOf: file)
      bytes[60...63] = Data([0, 0, 0x7F, 0xFF])
      try bytes.write(to: file)
      chmod(file.path, 0o666)
      try pair.left.store.add(tokens: ["later"])
      let result = try pair.sync(expecting: 78)
      #expect(result.errorText.contains("newer version"), "\(result.errorText)")
      #expect(try Data(contentsOf: file) == bytes)
      #expect(try pair.right.store.tokens() == tokens.sorted())
    }
  }

  private func stateFile(_ pair: Pair) throws -> URL {
    let state = URL(fileURLWithPath: pair.directory.path("state"))
    let files = try FileManager.default.contentsOfDirectory(
      at: state, includingPropertiesForKeys: nil)
    return try #require(files.first { $0.pathExtension == "sqlite" })
  }
}
