import TestSupport
import Testing

/// Mail on two sides and what happened to it since they were last synced: what a run then has to do, and is stopped at.
struct CrashScenario: Sendable, CustomTestStringConvertible {
  let name: String
  let combination: Combination
  var keys: [String: String] = [:]
  /// What the servers are said not to offer.
  var disabled: String?
  /// Whether the same message may have other contents on the other side.
  var hasStubs = false
  /// Whether mail programs look at both sides after the run was killed, and number what they find.
  var isVisited = true
  /// What was there at the last sync; nil: there was none.
  var before: (@Sendable (Pair) throws -> Void)?
  /// What happened since then.
  let change: @Sendable (Pair) throws -> Void

  var testDescription: String { "\(name), \(combination.rawValue)" }

  /// Whether both sides are to show the same UIDs.
  var mirrors: Bool { Combination.mirroring.contains(combination) && keys["uids"] != "map" }

  func withPair(_ body: (Pair) throws -> Void) throws {
    try ServerTests.withPair(combination, keys: keys) { pair in
      for side in pair.sides where side.maildir == nil {
        side.keys["disable-capabilities"] = disabled
      }
      try body(pair)
    }
  }

  static let all: [CrashScenario] = [
    pull, push, pushToServer, first, changes, changesOfMaildirs, movesCut, collisions,
    collisionsWithoutMove, ownNumbers, padding, mailboxes, stubs, mapped, smallest,
  ]

  /// Those that do most of what there is to be done.
  static let few = [pull, push, changesOfMaildirs]

  static let smallest = CrashScenario(
    name: "one message", combination: .maildirs,
    before: { try $0.left.store.add(tokens: ["old"]) },
    change: {
      try $0.right.store.add(makeMessage("new"), to: "INBOX", flags: ["Word"], date: 1_600_000_000)
    })

  private static let some = [
    makeMessage("m1"), makeMessage("m2", size: 3_000), makeMessage("m3"),
  ]

  static let pull = CrashScenario(
    name: "new mail comes", combination: .maildirAndExec,
    before: { try $0.right.store.add(tokens: ["old"]) },
    change: { pair in
      try pair.right.store.add(some)
      try pair.right.store.flag(["m1"], in: "INBOX", add: ["\\Seen", "Word"], remove: [])
    })

  private static let push = CrashScenario(
    name: "new mail goes", combination: .maildirAndExec,
    before: { try $0.left.store.add(tokens: ["old"]) },
    change: { pair in
      try pair.left.store.add(some)
      try pair.left.store.flag(["m1"], in: "INBOX", add: ["\\Seen", "Word"], remove: [])
    })

  private static let pushToServer = CrashScenario(
    name: "new mail goes to a server without UIDPLUS, MULTIAPPEND and QRESYNC",
    combination: .maildirAndExec, disabled: "UIDPLUS MULTIAPPEND LITERAL+ QRESYNC",
    before: { try $0.left.store.add(tokens: ["old"]) },
    change: { try $0.left.store.add(some) })

  private static let first = CrashScenario(
    name: "the first sync", combination: .maildirAndExec,
    change: { pair in
      try pair.left.store.create("Left/in")
      try pair.right.store.create("Right")
      try pair.left.store.add(tokens: ["a", "b"])
      try pair.left.store.add(tokens: ["c"], to: "Left/in")
      try pair.right.store.add(tokens: ["b", "d"])
      try pair.right.store.add(tokens: ["e"], to: "Right")
    })

  private static let filled: @Sendable (Pair) throws -> Void = { pair in
    try pair.left.store.create("Box")
    try pair.right.store.create("Other")
    try pair.left.store.add(tokens: (1...12).map { "m\($0)" })
    try pair.right.store.add(tokens: (1...4).map { "o\($0)" }, to: "Other")
  }

  /// All that happens to messages, on both sides.
  private static let mixed: @Sendable (Pair) throws -> Void = { pair in
    let (left, right) = (pair.left.store, pair.right.store)
    try left.flag(["m1", "m2"], in: "INBOX", add: ["\\Flagged", "Left"], remove: [])
    try right.flag(["m2", "m3"], in: "INBOX", add: ["\\Seen", "Right"], remove: [])
    try left.expunge(["m4"], in: "INBOX")
    try right.expunge(["m5"], in: "INBOX")
    try left.move(["m6"], in: "INBOX", to: "Box")
    try right.move(["m7"], in: "INBOX", to: "Box")
    try left.copy(["m8"], in: "INBOX", to: "Other")
    try right.move(["o1"], in: "Other", to: "INBOX")
    try left.add(tokens: ["new-left"])
    try right.add(tokens: ["new-right"], to: "Box")
  }

  private static let changes = CrashScenario(
    name: "flags, expunges, copies, moves", combination: .maildirAndExec, before: filled,
    change: mixed)

  private static let changesOfMaildirs = CrashScenario(
    name: "flags, expunges, copies, moves", combination: .maildirs, before: filled, change: mixed)

  private static let movesCut = CrashScenario(
    name: "moves on a server without MOVE", combination: .maildirAndExec, disabled: "MOVE",
    before: filled,
    change: { pair in
      try pair.left.store.move(["m1", "m2", "m3"], in: "INBOX", to: "Box")
      try pair.left.store.move(["o1"], in: "Other", to: "INBOX")
    })

  /// Both sides hand out the same UIDs.
  private static let collide: @Sendable (Pair) throws -> Void = { pair in
    try pair.left.served.add(tokens: ["l1", "l2"])
    try pair.left.served.flag(["l1"], in: "INBOX", add: ["\\Answered", "Left"], remove: [])
    try pair.right.served.add(tokens: ["r1", "r2", "r3"])
    try pair.right.served.flag(["r2"], in: "INBOX", add: ["\\Flagged", "Right"], remove: [])
  }

  private static let collisions = CrashScenario(
    name: "UIDs that both sides gave", combination: .maildirAndExec,
    before: { try $0.left.served.add(tokens: ["a", "b"]) }, change: collide)

  static let collisionsWithoutMove = CrashScenario(
    name: "UIDs that both sides gave, without MOVE", combination: .maildirAndExec,
    disabled: "MOVE", before: { try $0.left.served.add(tokens: ["a", "b"]) }, change: collide)

  private static let ownNumbers = CrashScenario(
    name: "a Maildir with a UIDVALIDITY of its own", combination: .maildirAndExec,
    change: { pair in
      try pair.left.served.add(tokens: ["a", "b", "c"])
      try pair.left.served.expunge(["a"], in: "INBOX")
      try pair.right.served.add(tokens: ["c", "d"])
    })

  static let padding = CrashScenario(
    name: "UIDs used up on a server", combination: .maildirAndExec,
    before: { try $0.left.served.add(tokens: ["a"]) },
    change: { pair in
      try pair.left.served.add(tokens: (1...6).map { "gone\($0)" } + ["b"])
      try pair.left.served.expunge((1...6).map { "gone\($0)" }, in: "INBOX")
    })

  private static let mailboxes = CrashScenario(
    name: "mailboxes made, renamed and deleted", combination: .maildirAndExec,
    keys: ["delete": "both"],
    before: { pair in
      for mailbox in ["Old", "Gone left", "Gone right", "Deep/er"] {
        try pair.left.store.create(mailbox)
        try pair.left.store.add(tokens: ["in \(mailbox)"], to: mailbox)
      }
    },
    change: { pair in
      try pair.right.store.rename("Old", to: "New")
      try pair.right.store.add(tokens: ["more"], to: "New")
      try pair.left.store.delete("Gone left")
      try pair.right.store.delete("Gone right")
      try pair.left.store.rename("Deep/er", to: "Deep/est")
      try pair.right.store.create("Made/here")
    })

  private static let stubs = CrashScenario(
    name: "stubs, and a whole message in the place of one", combination: .maildirAndExec,
    keys: ["max-size": "2k"], hasStubs: true,
    before: { pair in
      try pair.right.store.add(makeMessage("large", size: 6_000))
      try pair.right.store.add(tokens: ["small"])
    },
    change: { pair in
      try pair.left.store.flag(["large"], in: "INBOX", add: ["\\Flagged"], remove: [])
      try pair.right.store.add(makeMessage("huge", size: 8_000))
      try pair.left.store.add(makeMessage("other", size: 8_000))
    })

  private static let mapped = CrashScenario(
    name: "all of it, with UIDs of their own", combination: .programs, before: filled,
    change: mixed)
}
