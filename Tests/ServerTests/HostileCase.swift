import Testing

/// A lie of a server, and what comes of it.
struct HostileCase: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var lies: [LyingServer.Lie]
  /// `nil`: 0 or 1.
  var code: Int32?
  /// Words of the error.
  var says: [String]
  /// What the server can do, after the login.
  var capabilities = "IMAP4rev1 UIDPLUS"
  var options: [String] = []
  /// The first run has nothing to do with it.
  var isLate = false
  /// What is then in the Maildir; `nil`: no matter.
  var inbox: [String]?
  var good: [String]?
  /// The server's lie is about what messages hold: what was taken for them stays.
  var isBelieved = false

  /// One that ends the run.
  init(
    _ name: String, _ command: String, _ answer: String, flood: String = "", closes: Bool = false,
    code: Int32? = 76, says: String..., can capabilities: String = ""
  ) {
    testDescription = name
    lies = [LyingServer.Lie(command: command, answer: answer, flood: flood, closes: closes)]
    self.code = code
    self.says = says
    self.capabilities += " " + capabilities
  }

  /// One that concerns INBOX alone: the other mailbox is synced.
  static func inbox(
    _ name: String, _ command: String, _ answer: String, code: Int32? = 76, says: String...,
    can capabilities: String = "", inbox: [String]? = nil, isBelieved: Bool = false
  ) -> HostileCase {
    var result = HostileCase(name, command, answer, code: code, can: capabilities)
    result.isBelieved = isBelieved
    result.says = says + (code == 76 ? ["INBOX"] : [])
    result.inbox = inbox
    result.good = ["good"]
    return result
  }

  /// One that does no harm.
  static func harmless(
    _ name: String, _ command: String, _ answer: String, can capabilities: String = ""
  ) -> HostileCase {
    .inbox(name, command, answer, code: 0, can: capabilities, inbox: ["one", "two"])
  }

  /// One about a mailbox that is in sync, told when it is opened again: the messages stay.
  static func kept(
    _ name: String, _ answer: String, code: Int32 = 0, can capabilities: String
  ) -> HostileCase {
    let result = inbox(name, "", "", code: code, can: capabilities, inbox: ["one", "two"])
    var late = result.opened
    late.lies[0] = LyingServer.Lie(command: "SELECT \"INBOX\"", answer: answer, isLate: true)
    return late
  }

  /// One of the messages in a mailbox that is in sync is said to be gone, and is there again afterwards.
  static func returning(
    _ name: String, vanished: String, can capabilities: String
  ) -> HostileCase {
    var result = inbox(name, "", "", code: 0, can: capabilities, inbox: ["two"]).mapped.opened
    result.lies[0] = LyingServer.Lie(
      command: "SELECT \"INBOX\"", answer: "TRUTH* 1 EXISTS\r\n\(vanished)TAG OK x\r\n",
      isLate: true)
    result.lies.append(
      LyingServer.Lie(command: "UID SEARCH", answer: "* SEARCH 2\r\nTAG OK x\r\n", isLate: true))
    return result
  }

  /// The same with UIDs that need not be equal: the server can't renumber what comes late.
  var mapped: HostileCase {
    var result = self
    result.options = ["-o", "uids=map"]
    return result
  }

  /// The same, in a mailbox that is looked into again at the second run.
  var opened: HostileCase {
    var result = self
    let answer =
      "* STATUS INBOX (MESSAGES 2 UIDNEXT 3 UIDVALIDITY 7 HIGHESTMODSEQ 99)\r\nTAG OK x\r\n"
    result.isLate = true
    result.lies.append(LyingServer.Lie(command: "STATUS \"INBOX\"", answer: answer))
    return result
  }
}
