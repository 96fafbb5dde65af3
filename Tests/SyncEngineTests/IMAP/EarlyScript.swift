import TestSupport

@testable import SyncEngine

/// What a server tells of a mailbox that is opened together with others.
enum EarlyScript {
  static func selected(exists: Int) -> String {
    Script.selected + "* \(exists) EXISTS\r\n* OK [UIDNEXT 10] ok\r\n"
  }

  /// All that is asked of a message which is new.
  static func details(_ uid: Int, number: Int = 1) -> String {
    "* \(number) FETCH (UID \(uid) FLAGS () INTERNALDATE \"01-Jan-2020 00:00:00 +0000\""
      + " RFC822.SIZE 9)\r\n"
  }
}

/// A server with QRESYNC, asked what comes before the first mailbox is opened.
func withQResyncScript(
  _ script: @escaping @Sendable (ScriptedClient) throws -> Void,
  _ body: (IMAPEndpoint) throws -> Void
) throws {
  try withScript(
    "ENABLE QRESYNC ESEARCH",
    { client in
      try client.answer("ENABLE", "* ENABLED QRESYNC")
      try client.answer("LIST \"\" \"\"", "* LIST (\\Noselect) \"/\" \"\"")
      try script(client)
    }, body)
}
