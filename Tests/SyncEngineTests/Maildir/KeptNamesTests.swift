import Foundation
import IMAPClient
import Synchronization
import TestSupport
import Testing

@testable import SyncEngine

@Suite("The Maildir endpoint: names that are kept from run to run") struct KeptNamesTests {
  /// Three messages, and a run that has been told of them and has ended.
  struct Kept {
    let maildir: MaildirFixture
    let anchor: Anchor
    let file: String

    /// As the next run does.
    func open(_ request: OpenRequest? = nil) throws -> Observation {
      var request = request ?? OpenRequest()
      request.since = anchor
      request.detailsFrom = anchor.uidNext
      return try maildir.another().open(.inbox, request)
    }
  }

  private static func fixture(
    _ directory: TestSupport.TemporaryDirectory
  ) throws -> MaildirFixture {
    try FileManager.default.createDirectory(
      atPath: directory.path("state"), withIntermediateDirectories: false)
    var surroundings = MaildirSurroundings.machine
    surroundings.leastWatched = 0
    // Whatever was done is long ago.
    let seconds = Seconds()
    let now = { @Sendable in MaildirSurroundings.machine.now() + seconds.next() }
    surroundings.now = now
    surroundings.fileTime = now
    return try MaildirFixture(
      directory, surroundings: surroundings,
      keptNames: NamesDirectory(path: directory.path("state/pair.names/left")))
  }

  func withKept(_ body: (Kept) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let maildir = try KeptNamesTests.fixture(directory)
      try maildir.prepare()
      for number in 1...3 { try maildir.save("A: \(number)\r\n\r\n", flags: flags([.seen])) }
      let anchor = try maildir.open().anchor
      #expect(anchor.stamp != nil)
      maildir.endpoint.disconnect()
      let path = directory.path("state/pair.names/left")
      let file = try #require(FileManager.default.contentsOfDirectory(atPath: path).first)
      try body(Kept(maildir: maildir, anchor: anchor, file: "\(path)/\(file)"))
    }
  }

  // MARK: What is told

  @Test("only what has changed is told") func changes() throws {
    try withKept { kept in
      let names = kept.maildir.names("cur")
      try kept.maildir.rename(
        "cur/\(names[0])", to: "cur/\(names[0].replacing(":2,S", with: ":2,FS"))")
      try kept.maildir.remove("cur/\(names[1])")
      try kept.maildir.write("A: 4\n\n", to: "new/1.other")
      let seen = try kept.open()
      #expect(seen.coverage == .changes(vanished: uids(2)))
      #expect(seen.uids == [1] && seen.flags(of: 1) == flags([.flagged, .seen]))
      #expect(seen.unnumbered.count == 1 && seen.messages.last?.details?.size == 8)
      #expect(seen.anchor.messages == 3 && seen.anchor.uidNext == uid(4))
      let all = try kept.maildir.another(keepingNames: false).open(.inbox, OpenRequest())
      #expect(all.anchor == seen.anchor && all.mailboxID == seen.mailboxID)
      #expect(all.origin == seen.origin && all.unnumbered == seen.unnumbered)
    }
  }

  @Test("what is asked for is told, and what is not there any more has vanished")
  func recheck() throws {
    try withKept { kept in
      try kept.maildir.remove("cur/\(try #require(kept.maildir.names("cur").last))")
      let seen = try kept.open(OpenRequest(recheck: uids(1, 3, 9)))
      #expect(seen.coverage == .changes(vanished: uids(3, 9)) && seen.uids == [1])
    }
  }

  @Test("a message that has moved from new to cur, or back, has changed") func moved() throws {
    try withKept { kept in
      let name = try #require(kept.maildir.names("cur").first)
      let base = try #require(name.split(separator: ":").first)
      try kept.maildir.rename("cur/\(name)", to: "new/\(base)")
      let seen = try kept.open()
      #expect(seen.coverage == .changes(vanished: UIDSet()))
      #expect(seen.uids == [1] && seen.flags(of: 1) == .empty)
    }
  }

  @Test("where more than names may have changed, everything is told")
  func unfit() throws {
    let changes: [(Kept) throws -> Void] = [
      { kept in
        let list = kept.maildir.text("dovecot-uidlist")
        try kept.maildir.write(list.replacing("N4", with: "N9"), to: "dovecot-uidlist")
      },
      { kept in try kept.maildir.write("0 Word\n", to: "dovecot-keywords") },
      { kept in try kept.maildir.remove("dovecot-uidlist") },
      { kept in try FileManager.default.removeItem(atPath: kept.file) },
      { kept in
        var bytes = try #require(FileManager.default.contents(atPath: kept.file))
        bytes[bytes.count - 20] ^= 1
        try bytes.write(to: URL(fileURLWithPath: kept.file))
      },
      { kept in
        let bytes = try #require(FileManager.default.contents(atPath: kept.file))
        try bytes.dropLast(16).write(to: URL(fileURLWithPath: kept.file))
      },
      { kept in
        // Another run has been here since, of which the base knows nothing.
        try kept.maildir.renameFirst { "cur/\($0)T" }
        let other = try kept.maildir.another()
        _ = try other.open(.inbox, OpenRequest())
        other.disconnect()
      },
    ]
    for change in changes {
      try withKept { kept in
        try change(kept)
        try kept.maildir.write("A: 4\n\n", to: "new/1.other")
        #expect(try kept.open().coverage == .full)
      }
    }
  }

  @Test("names of mailboxes that are not there any more go when others come")
  func missing() throws {
    try withKept { kept in
      let other = try mailbox("Old/2024")
      let endpoint = try kept.maildir.another()
      for name in [other, try mailbox("New")] {
        try endpoint.create(name, specialUse: nil)
        _ = try endpoint.open(name, OpenRequest())
        try endpoint.adopt(try #require(UIDValidity(8)), uidNext: .first, isServers: false)
        _ = try endpoint.open(name, OpenRequest())
        let run = try kept.maildir.another()
        _ = try run.open(name, OpenRequest())
        run.disconnect()
        if name == other { try kept.maildir.remove(".Old.2024") }
      }
      let directory = (kept.file as NSString).deletingLastPathComponent
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory).count == 2)
      #expect(FileManager.default.fileExists(atPath: kept.file))
    }
  }

  @Test("who asks for everything gets it") func full() throws {
    try withKept { kept in
      #expect(try kept.maildir.another().open(.inbox, OpenRequest()).coverage == .full)
      let seen = try kept.maildir.another().open(
        .inbox, OpenRequest(since: kept.anchor, isOnlyToRead: true))
      #expect(seen.coverage == .full)
    }
  }

  @Test(
    "what a run puts there is known to the next, which nobody has read",
    .enabled(if: isWatchable))
  func added() throws {
    try withKept { kept in
      let endpoint = try kept.maildir.another()
      endpoint.expect(standingAt: kept.anchor, .inbox)
      try endpoint.select(.inbox)
      let saver = try endpoint.saver()
      try saver.begin(
        SaveItem(flags: flags([.flagged]), date: InternalDate(seconds: 1)), size: 8, form: .wire)
      try Array("A: 4\r\n\r\n".utf8).withUnsafeBytes { try saver.write($0) }
      try saver.end()
      #expect(try saver.commit().map(\.uid) == [4])
      var request = OpenRequest(since: kept.anchor)
      request.isContinued = true
      let anchor = try endpoint.open(.inbox, request).anchor
      endpoint.disconnect()
      try kept.maildir.renameFirst { "cur/\($0)T" }
      let seen = try kept.maildir.another().open(.inbox, OpenRequest(since: anchor))
      #expect(seen.coverage == .changes(vanished: UIDSet()))
      #expect(seen.uids == [1] && seen.anchor.messages == 4)
    }
  }

  @Test(
    "what a run expunges where nobody has read anything is not told, and the next knows it",
    .enabled(if: isWatchable))
  func expunged() throws {
    try withKept { kept in
      let endpoint = try kept.maildir.another()
      endpoint.expect(standingAt: kept.anchor, .inbox)
      try endpoint.select(.inbox)
      #expect(try endpoint.expunge(uids(2), onlyDeleted: false) == uids(2))
      var request = OpenRequest(since: kept.anchor)
      request.isContinued = true
      let again = try endpoint.open(.inbox, request)
      #expect(again.coverage == .changes(vanished: UIDSet()) && again.messages.isEmpty)
      endpoint.disconnect()
      try kept.maildir.renameFirst { "cur/\($0)T" }
      let seen = try kept.maildir.another().open(.inbox, OpenRequest(since: again.anchor))
      #expect(seen.coverage == .changes(vanished: UIDSet()) && seen.uids == [1])
    }
  }

  @Test(
    "what somebody did before a run opened a folder that it had not to read, is told",
    .enabled(if: isWatchable))
  func overtaken() throws {
    try withKept { kept in
      let endpoint = try kept.maildir.another()
      endpoint.expect(standingAt: kept.anchor, .inbox)
      try endpoint.select(.inbox)
      try kept.maildir.renameFirst { "cur/\($0)T" }
      _ = try endpoint.expunge(uids(2), onlyDeleted: false)
      var request = OpenRequest(since: kept.anchor)
      request.isContinued = true
      let again = try endpoint.open(.inbox, request)
      #expect(again.messages.contains { $0.handle == .uid(uid(1)) })
    }
  }

  // MARK: What can be done there

  @Test("messages are read, flagged, copied and numbered as in any folder") func work() throws {
    try withKept { kept in
      let guid = GlobalUID(high: 7, low: 8)
      _ = try kept.maildir.open()
      try kept.maildir.save("A: 4\r\n\r\n", guid: guid)
      let anchor = try kept.maildir.open().anchor
      kept.maildir.endpoint.disconnect()
      try kept.maildir.write("A: 5\n\n", to: "new/1.other")
      let endpoint = try kept.maildir.another()
      let seen = try endpoint.open(.inbox, OpenRequest(since: anchor))
      #expect(seen.coverage == .changes(vanished: UIDSet()) && seen.uids.isEmpty)
      #expect(try endpoint.describe(uids(4)).first?.details?.id == guid)
      let outcome = try endpoint.store([
        StoreOrder(uids: uids(2, 9), added: flags([.flagged], "Word"), removed: .empty)
      ])
      #expect(outcome.gone == uids(9) && outcome.rejected.isEmpty)
      let numbered = try endpoint.renumber(seen.unnumbered, targets: [])
      #expect(numbered.map(\.uid) == [5])
      _ = try endpoint.renumber([.uid(uid(1))], targets: [])
      #expect(try endpoint.expunge(uids(3), onlyDeleted: false) == uids(3))
      let all = try kept.maildir.another(keepingNames: false).open(.inbox, OpenRequest())
      #expect(all.uids == [2, 4, 5, 6])
      #expect(all.flags(of: 2) == flags([.flagged, .seen], "Word"))
      #expect(all.messages.first { $0.handle == .uid(uid(4)) }?.details?.id == guid)
    }
  }

  @Test("a long list is not written for every expunge, and what comes back gets its UID back")
  func dead() throws {
    try withTemporaryDirectory { directory in
      let maildir = try KeptNamesTests.fixture(directory)
      try maildir.makeFolder("")
      var list = "3 V7 N1001 G0123456789abcdef0123456789abcdef\n"
      for number in 1...1000 {
        let base = "\(number).\(String(repeating: "x", count: 80))"
        list += "\(number) :\(base)\n"
        try maildir.write("A: \(number)\n\n", to: "cur/\(base):2,S")
      }
      try maildir.write(list, to: "dovecot-uidlist")
      _ = try maildir.open()
      #expect(try maildir.endpoint.expunge(uids(17), onlyDeleted: false) == uids(17))
      #expect(maildir.text("dovecot-uidlist") == list)
      let anchor = try maildir.open().anchor
      maildir.endpoint.disconnect()
      let back = "cur/17.\(String(repeating: "x", count: 80)):2,F"
      try maildir.write("A: 17\n\n", to: back)
      let seen = try maildir.another().open(.inbox, OpenRequest(since: anchor))
      #expect(seen.coverage == .changes(vanished: UIDSet()) && seen.uids == [17])
      let next = try maildir.another()
      _ = try next.open(.inbox, OpenRequest(since: anchor))
      let many = UIDSet(try #require(UID(101))...(try #require(UID(400))))
      #expect(try next.expunge(many, onlyDeleted: false) == many)
      let left = maildir.text("dovecot-uidlist")
      #expect(left.split(separator: "\n").count == 701)
      #expect(left.contains("\n17 :17.") && !left.contains("\n101 :"))
    }
  }

  // MARK: Against a reading of everything

  @Test("whatever users and runs do, it is as if everything had been read", arguments: 1...12)
  func random(seed: UInt64) throws {
    try withTemporaryDirectory { directory in
      var history = KeptHistory(
        try KeptNamesTests.fixture(directory), SplitMix64(seed: seed))
      try history.begin()
      for _ in 0..<30 {
        for _ in 0..<max(0, Int.random(in: -3...4, using: &history.random)) { try history.act() }
        try history.run()
      }
      #expect(
        history.looks > 3 && history.stands > 0 && (history.continued > 1 || !isWatchable),
        "too few looks of this kind to tell anything")
    }
  }
}

/// A second passes whenever somebody asks for the time.
private final class Seconds: Sendable {
  private let count = Atomic<Int64>(1)

  func next() -> Int64 {
    count.wrappingAdd(1, ordering: .relaxed).newValue * MaildirSurroundings.second
  }
}

/// Users and runs, one after the other, in one folder.
private struct KeptHistory {
  let maildir: MaildirFixture
  var random: SplitMix64
  /// Of what the run before was told.
  private var anchor: Anchor?
  private var known: [UInt32: FlagSet] = [:]
  /// Files that were removed, as they were named.
  private var removed: [String] = []
  private var number = 0
  /// How often only changes were told.
  private(set) var looks = 0
  /// How often nobody read it to begin with, and how often it was not read again.
  private(set) var stands = 0
  private(set) var continued = 0

  init(_ maildir: MaildirFixture, _ random: SplitMix64) {
    self.maildir = maildir
    self.random = random
  }

  func begin() throws {
    try maildir.prepare()
    for number in 1...6 { try maildir.save("A: \(number)\r\n\r\n", flags: flags([.seen])) }
  }

  // MARK: Users

  mutating func act() throws {
    number += 1
    let names = maildir.names("cur")
    let name = names.randomElement(using: &random)
    switch Int.random(in: 0...9, using: &random) {
    case 0...2:
      guard let name else { return }
      let flags = ["", "F", "S", "FS", "Tk"].randomElement(using: &random) ?? ""
      let base = name.split(separator: ":")[0]
      try? maildir.rename("cur/\(name)", to: "cur/\(base):2,\(flags)")
    case 3, 4:
      guard let name else { return }
      try maildir.remove("cur/\(name)")
      removed.append(name)
    case 5: try maildir.write("B: \(number)\n\n", to: "new/\(number).new")
    case 6: try maildir.write("B: \(number)\n\n", to: "cur/\(number).cur:2,S")
    case 7:
      guard let back = removed.popLast() else { return }
      try maildir.write("C: \(number)\n\n", to: "cur/\(back)")
    case 8:
      guard let fresh = maildir.names("new").first else { return }
      try maildir.rename("new/\(fresh)", to: "cur/\(fresh.split(separator: ":")[0]):2,S")
    default:
      // Somebody who numbers.
      let other = try maildir.another(keepingNames: false)
      _ = try other.renumber(other.open(.inbox, OpenRequest()).unnumbered, targets: [])
    }
  }

  // MARK: A run

  mutating func run() throws {
    let endpoint = try maildir.another()
    var request = OpenRequest(since: anchor, detailsFrom: anchor?.uidNext ?? .first)
    let seen: Observation
    let before = try everything()
    if let anchor, anchor == before.anchor, Bool.random(using: &random) {
      // The list has shown that nothing has changed.
      endpoint.expect(standingAt: anchor, .inbox)
      try endpoint.select(.inbox)
      seen = before
      stands += 1
    } else {
      seen = try endpoint.open(.inbox, request)
      try compare(seen, request)
    }
    // What somebody does now, the run does not know.
    let isOvertaken = Int.random(in: 0...5, using: &random) == 0
    if isOvertaken { try act() }
    let uids = known.keys.sorted().compactMap { UID($0) }
    if let uid = uids.randomElement(using: &random), Bool.random(using: &random) {
      let added = Bool.random(using: &random) ? flags([.answered], "Word") : flags([.draft])
      _ = try endpoint.store([StoreOrder(uids: UIDSet(uid), added: added, removed: flags([.seen]))])
    }
    var placed: Set<UInt32> = []
    if !seen.unnumbered.isEmpty, Int.random(in: 0...2, using: &random) > 0 {
      placed.formUnion(try endpoint.renumber(seen.unnumbered, targets: []).compactMap(\.uid))
    }
    // Meanwhile, so that what is put there next is put into a folder that nobody knows any more.
    let isCrowded = Int.random(in: 0...4, using: &random) == 0
    number += 1
    if isCrowded { try maildir.write("E: \(number)\n\n", to: "new/\(number).crowd") }
    if let uid = uids.randomElement(using: &random), Int.random(in: 0...3, using: &random) == 0 {
      _ = try endpoint.expunge(UIDSet(uid), onlyDeleted: false)
    }
    if Int.random(in: 0...2, using: &random) == 0 {
      let saver = try endpoint.saver()
      let bytes = Array("D: \(number)\r\n\r\n".utf8)
      try saver.begin(
        SaveItem(flags: .empty, date: InternalDate(seconds: 1)), size: UInt64(bytes.count),
        form: .wire)
      try bytes.withUnsafeBytes { try saver.write($0) }
      try saver.end()
      placed.formUnion(try saver.commit().compactMap(\.uid))
    }
    for uid in placed.compactMap({ UID($0) }) where isCrowded {
      let order = StoreOrder(uids: UIDSet(uid), added: flags([.flagged]), removed: .empty)
      #expect(try endpoint.store([order]).gone.isEmpty)
    }
    let done = state(try everything())
    #expect(placed.allSatisfy { done[$0] != nil }, "a number that was given is not there")
    // What users do meanwhile, the next look tells.
    if Int.random(in: 0...3, using: &random) == 0 { try act() }
    let all = try everything()
    // Nobody asks by a moment that is behind.
    request = OpenRequest()
    request.isContinued = Bool.random(using: &random)
    let last = try endpoint.open(.inbox, request)
    #expect(last.anchor == all.anchor)
    if request.isContinued, case .changes = last.coverage {
      continued += 1
      #expect(!isOvertaken || !last.messages.isEmpty || done == state(all))
      if !isOvertaken { #expect(state(last, over: done) == state(all)) }
    }
    anchor = last.anchor
    known = state(all)
    // One that is killed keeps nothing.
    if Int.random(in: 0...7, using: &random) > 0 { endpoint.disconnect() }
  }

  private mutating func compare(_ seen: Observation, _ request: OpenRequest) throws {
    if case .changes = seen.coverage { looks += 1 }
    let all = try everything(detailsFrom: request.detailsFrom)
    known = state(seen, over: known)
    #expect(known == state(all))
    #expect(seen.anchor == all.anchor && seen.unnumbered == all.unnumbered)
  }

  private func everything(detailsFrom: UID = .first) throws -> Observation {
    try maildir.another(keepingNames: false).open(.inbox, OpenRequest(detailsFrom: detailsFrom))
  }

  /// What there is, to whom this is told after `then`.
  private func state(_ seen: Observation, over then: [UInt32: FlagSet]) -> [UInt32: FlagSet] {
    guard case .changes(let vanished) = seen.coverage else { return state(seen) }
    return then.filter { uid, _ in UID(uid).map { !vanished.contains($0) } ?? false }
      .merging(state(seen)) { _, new in new }
  }

  private func state(_ observation: Observation) -> [UInt32: FlagSet] {
    var state: [UInt32: FlagSet] = [:]
    for message in observation.messages {
      if let uid = message.handle.uid { state[uid.rawValue] = message.flags }
    }
    return state
  }
}
