import Foundation
import TestSupport

enum SideKind: Sendable {
  case maildir
  /// A daemon, over TCP.
  case imap
  /// A program, over pipes.
  case exec
}

/// One side of a pair: the mail, and how the program under test comes to it.
final class PairSide {
  let name: String
  let store: any MailStore
  /// The same mail over IMAP: a Maildir is served by a local Dovecot.
  let served: IMAPAccount
  /// Keys of the endpoint's section.
  var keys: [String: String]
  /// Nil unless the side is a daemon.
  let server: DovecotServer?
  /// Nil unless the side is a Maildir.
  var maildir: MaildirUser? { store as? MaildirUser }

  private let program: DovecotProgram?

  private init(
    _ name: String, store: any MailStore, served: IMAPAccount, keys: [String: String],
    server: DovecotServer? = nil, program: DovecotProgram? = nil
  ) {
    self.name = name
    self.store = store
    self.served = served
    self.keys = keys
    self.server = server
    self.program = program
  }

  static func make(
    _ kind: SideKind, _ name: String, in directory: TemporaryDirectory, tier: Tier = .qresync,
    layout: MaildirLayout = .maildirPlusPlus, options: DovecotOptions = DovecotOptions()
  ) throws -> PairSide {
    let side =
      switch kind {
      case .maildir: try maildir(name, in: directory, layout: layout, options: options)
      case .imap: try daemon(name, in: directory, options: options)
      case .exec: try program(name, in: directory, options: options)
      }
    if kind != .maildir { side.keys["disable-capabilities"] = tier.disabled }
    return side
  }

  private static func maildir(
    _ name: String, in directory: TemporaryDirectory, layout: MaildirLayout,
    options: DovecotOptions
  ) throws -> PairSide {
    let user = try MaildirUser(
      at: directory.path(name), layout: layout, in: directory, host: name)
    var options = options
    options.storage = .maildir(user.root, layout)
    let program = try DovecotProgram(in: directory, name: "served-\(name)", options: options)
    return PairSide(
      name, store: user, served: IMAPAccount(program), keys: ["url": "maildir:\(user.root)"],
      program: program)
  }

  private static func daemon(
    _ name: String, in directory: TemporaryDirectory, options: DovecotOptions
  ) throws -> PairSide {
    let account = DovecotServer.Account()
    let server = try DovecotServer.start(in: directory, name: name, options: options)
    let store = IMAPAccount(server)
    let secret = try directory.write(
      account.password + "\n", to: "\(name)-password", mode: 0o600)
    return PairSide(
      name, store: store, served: store,
      keys: [
        "url": "imap://\(account.name)@127.0.0.1:\(server.port)", "tls": "none",
        "password-file": secret,
      ], server: server)
  }

  /// A daemon that is there already.
  static func remote(_ name: String, _ server: DovecotServer, keys: [String: String]) -> PairSide {
    let store = IMAPAccount(server)
    return PairSide(name, store: store, served: store, keys: keys, server: server)
  }

  /// An account of a Cyrus.
  static func cyrus(
    _ name: String, _ server: CyrusServer, in directory: TemporaryDirectory,
    keys: [String: String] = ["tls": "none"]
  ) throws -> PairSide {
    let store = IMAPAccount(server)
    let secret = try directory.write(
      server.account.password + "\n", to: "\(name)-password", mode: 0o600)
    let own = [
      "url": "imap://\(server.account.name)@127.0.0.1:\(server.port)", "password-file": secret,
    ]
    return PairSide(name, store: store, served: store, keys: own.merging(keys) { $1 })
  }

  private static func program(
    _ name: String, in directory: TemporaryDirectory, options: DovecotOptions
  ) throws -> PairSide {
    let program = try DovecotProgram(in: directory, name: name, options: options)
    let store = IMAPAccount(program)
    return PairSide(
      name, store: store, served: store, keys: ["url": "exec:\(program.userCommand)"],
      program: program)
  }

  /// A session with the server of this mail, which the caller ends.
  func openSession() throws -> IMAPTestClient {
    if let program { return try IMAPTestClient.run(program) }
    guard let server else { throw TestFailure("\(name) has no server") }
    return try IMAPTestClient.connect(to: server)
  }

  /// What the server of this mail logged.
  func log() throws -> String {
    if let server { return server.log }
    return program.flatMap { try? String(contentsOfFile: $0.log, encoding: .utf8) } ?? ""
  }

  /// Gives INBOX of a daemon another UIDVALIDITY, as a restored or repaired server has it.
  func newUIDValidity() throws {
    guard let server, let old = try store.numbers(of: "INBOX") else {
      throw TestFailure("\(name) is no daemon")
    }
    try server.doveadm([
      "mailbox", "update", "-u", "alice", "--uid-validity", "\(old.uidValidity + 77)", "INBOX",
    ])
    let new = try store.numbers(of: "INBOX")
    guard new?.uidValidity == old.uidValidity + 77 else { throw TestFailure("same UIDVALIDITY") }
  }

  /// Removes all mail of a daemon, whose INBOX then begins anew with another UIDVALIDITY.
  func loseMail() throws {
    guard let server else { throw TestFailure("\(name) is no daemon") }
    let old = try store.numbers(of: "INBOX")
    try waitUntil {  // Dovecot takes the time in seconds, which may still be that of the old one
      try FileManager.default.removeItem(atPath: "\(server.home)/mail/alice/sdbox")
      return try store.numbers(of: "INBOX")?.uidValidity != old?.uidValidity
    }
  }

  /// Sends the program under test over a bad wire.
  func faultyRelay() throws -> FaultyRelay {
    guard let server else { throw TestFailure("\(name) is no daemon") }
    let relay = try FaultyRelay(to: server.port)
    keys["url"] = "imap://alice@127.0.0.1:\(relay.port)"
    return relay
  }

  /// Sends the program under test through a relay.
  func relay() throws -> Relay {
    guard let server else { throw TestFailure("\(name) is no daemon") }
    let relay = try Relay(to: server.port)
    keys["url"] = "imap://alice@127.0.0.1:\(relay.port)"
    return relay
  }
}

/// Runs `body` with a fresh pair; everything of it is gone afterwards.
func withPair(
  _ combination: Combination, tier: Tier = .qresync, layout: MaildirLayout = .maildirPlusPlus,
  keys: [String: String] = [:], left leftOptions: DovecotOptions = DovecotOptions(),
  right rightOptions: DovecotOptions = DovecotOptions(), _ body: (Pair) throws -> Void
) throws {
  try withTemporaryDirectory { directory in
    let kinds = combination.kinds
    let left = try PairSide.make(
      kinds.left, "left", in: directory, tier: tier, layout: layout, options: leftOptions)
    let right = try PairSide.make(
      kinds.right, "right", in: directory, tier: tier, options: rightOptions)
    defer { for side in [left, right] { side.server?.stop() } }
    try body(try Pair(left, right, in: directory, keys: keys))
  }
}

func withPair(
  _ setting: Setting, keys: [String: String] = [:], _ body: (Pair) throws -> Void
) throws {
  try withPair(setting.combination, tier: setting.tier, keys: keys, body)
}
