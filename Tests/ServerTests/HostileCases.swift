private let ok = "TAG OK done\r\n"
private let select = "SELECT \"INBOX\""
private let list = "LIST \"\" \"*\""
/// What asks for the messages of a mailbox, and for their text.
private let describe = "UID FETCH 1:4294967295 (UID FLAGS"
private let fetch = "UID FETCH 1:2 (UID BODY.PEEK[])"
private let search = "UID SEARCH"
private let qresync = "ENABLE QRESYNC CONDSTORE"

private func message(_ uid: String, _ more: String = "") -> String {
  "* 1 FETCH (UID \(uid) FLAGS () INTERNALDATE \"01-Feb-2024 00:00:00 +0000\" RFC822.SIZE 30\(more))\r\n"
}

extension HostileCase {
  static let numbers: [HostileCase] = [
    .inbox("EXISTS of 4 billion", select, "TRUTH* 4294967295 EXISTS\r\n" + ok, says: "4294967295"),
    HostileCase(
      "EXISTS beyond 32 bits", select, "TRUTH* 4294967296 EXISTS\r\n" + ok, says: "large"),
    .harmless("EXISTS below zero", select, "TRUTH* -1 EXISTS\r\n" + ok),
    .inbox("UIDVALIDITY 0", select, "* 2 EXISTS\r\n* OK [UIDVALIDITY 0] x\r\n" + ok),
    .inbox("no UIDVALIDITY", select, "* 2 EXISTS\r\n* OK [UIDNEXT 3] x\r\n" + ok),
    .harmless("UIDNEXT 0", select, "TRUTH* OK [UIDNEXT 0] x\r\n" + ok),
    .harmless("UIDNEXT too low", select, "TRUTH* OK [UIDNEXT 1] x\r\n" + ok),
    .harmless("UIDNEXT beyond 32 bits", select, "TRUTH* OK [UIDNEXT 99999999999] x\r\n" + ok),
    .harmless(
      "HIGHESTMODSEQ of 2^63", select, "TRUTH* OK [HIGHESTMODSEQ 9223372036854775808] x\r\n" + ok,
      can: "CONDSTORE"),
    .harmless(
      "HIGHESTMODSEQ 0", select, "TRUTH* OK [HIGHESTMODSEQ 0] x\r\n" + ok, can: "CONDSTORE"),
    .harmless("MODSEQ 0", describe, "TRUTH* 1 FETCH (UID 1 MODSEQ (0))\r\n" + ok, can: "CONDSTORE"),
    HostileCase(
      "MODSEQ of 2^64", describe, "* 1 FETCH (UID 1 MODSEQ (18446744073709551616))\r\n" + ok,
      can: "CONDSTORE"),
    HostileCase("UID 0", describe, message("0") + ok, says: "UID is 0"),
    HostileCase("UID below zero", describe, message("-1") + ok),
    HostileCase("message 0", describe, "* 0 FETCH (UID 1 FLAGS ())\r\n" + ok),
    HostileCase("message 0 expunged", describe, "* 0 EXPUNGE\r\n" + ok),
    HostileCase(
      "size beyond 64 bits", describe, "* 1 FETCH (UID 1 RFC822.SIZE 99999999999999999999)\r\n" + ok
    ),
    HostileCase(
      "STATUS below zero", "STATUS \"INBOX\"", "* STATUS INBOX (MESSAGES -1 UIDNEXT 3)\r\n" + ok),
    .harmless(
      "STATUS with zeros", "STATUS \"INBOX\"",
      "* STATUS INBOX (MESSAGES 0 UIDNEXT 0 UIDVALIDITY 0 HIGHESTMODSEQ 0)\r\n" + ok),
    .harmless("STATUS refused", "STATUS \"INBOX\"", "TAG NO not now\r\n"),
    HostileCase(
      "a literal of 2^63", list, "* LIST () \"/\" {9223372036854775808}\r\n", says: "2^63"),
    HostileCase(
      "a literal of 2^63 - 1", list, "* LIST () \"/\" {9223372036854775807}\r\n", says: "too large"),
    HostileCase("a literal of -1", list, "* LIST () \"/\" {-1}\r\n" + ok),
  ]

  static let messages: [HostileCase] = [
    .inbox(
      "a UID twice, other sizes", describe, message("1") + message("1", "0") + "TRUTH" + ok,
      code: nil),
    .harmless("UIDs backwards", describe, "* 2 FETCH (UID 2 FLAGS ())\r\nTRUTH" + ok),
    .harmless("messages nobody has", describe, "TRUTH* 4294967295 FETCH (FLAGS (\\Seen))\r\n" + ok),
    .harmless("a message too many", describe, "TRUTH" + message("77") + ok),
    .harmless("a message too few", describe, ok),
    .harmless(
      "no dates and sizes", describe,
      "* 1 FETCH (UID 1 FLAGS ())\r\n* 2 FETCH (UID 2 FLAGS ())\r\n" + ok),
    .harmless(
      "a date that is none", describe,
      "* 1 FETCH (UID 1 INTERNALDATE \"31-Feb-2024 00:00:00 +0000\" RFC822.SIZE 9 FLAGS ())\r\n"
        + ok),
    .inbox(
      "texts shorter than their size", fetch,
      "* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n* 2 FETCH (UID 2 BODY[] {3}\r\nabc)\r\n" + ok,
      code: nil, isBelieved: true),
    .inbox(
      "a text much longer than its size", fetch,
      "* 1 FETCH (UID 1 BODY[] {90000}\r\n" + String(repeating: "abcdefgh\r\n", count: 9_000)
        + ")\r\nTRUTH" + ok, code: nil, isBelieved: true),
    .inbox(
      "no text", fetch, "* 1 FETCH (UID 1 BODY[] NIL)\r\n* 2 FETCH (UID 2 BODY[] \"\")\r\n" + ok,
      code: 1
    ).mapped,
    .inbox("no answer", fetch, ok, code: 1, says: "shows nothing").mapped,
    .inbox(
      "other messages than asked for", fetch, "* 1 FETCH (UID 99 BODY[] {3}\r\nabc)\r\nTRUTH" + ok,
      code: 0, inbox: ["one", "two"]),
    .inbox("a text twice", fetch, "TRUTHTRUTH" + ok, code: 0, inbox: ["one", "two"]),
    HostileCase(
      "two texts in one answer", fetch,
      "* 1 FETCH (UID 1 BODY[] {1}\r\na BODY[] {1}\r\nb)\r\n" + ok, says: "two bodies"),
    HostileCase("a text of 2^63", fetch, "* 1 FETCH (UID 1 BODY[] {9223372036854775808}\r\n"),
    HostileCase(
      "a text that ends in the middle", fetch, "* 1 FETCH (UID 1 BODY[] {100}\r\nabc", closes: true,
      code: 75),
    .inbox(
      "NULs in a text", fetch, "* 1 FETCH (UID 1 BODY[] {3}\r\na\u{0}b)\r\nTRUTH" + ok, code: 0,
      isBelieved: true),
    .inbox("the mailbox can't be opened", select, "TAG NO [CORRUPTION] oh\r\n", code: 1),
    .inbox("SELECT is not understood", select, "TAG BAD what\r\n"),
  ]

  static let conversation: [HostileCase] = [
    HostileCase("no IMAP at all", "", "HTTP/1.1 400 Bad Request\r\n\r\n", closes: true),
    HostileCase("nothing at all", "", "", closes: true, code: 75),
    HostileCase(
      "BYE for a greeting", "", "* BYE too many\r\n", closes: true, code: 75, says: "too many"),
    HostileCase("BYE at the login", "AUTHENTICATE", "* BYE no\r\n", closes: true, code: 75),
    HostileCase(
      "BYE at LIST", "LIST", "* LIST () \"/\" INBOX\r\n* BYE no\r\n", closes: true, code: 75),
    HostileCase("BYE at STATUS", "STATUS", "* BYE no\r\n", closes: true, code: 75),
    HostileCase("BYE at SELECT", select, "* BYE no\r\n", closes: true, code: 75),
    HostileCase("BYE at FETCH", fetch, "* BYE no\r\n", closes: true, code: 75),
    HostileCase(
      "BYE within a text", fetch, "* 1 FETCH (UID 1 BODY[] {100}\r\n* BYE no\r\n", closes: true,
      code: 75),
    HostileCase("BYE, and it goes on", select, "* BYE no\r\nTRUTH" + ok, code: 75),
    HostileCase("LIST is refused", list, "TAG NO not now\r\n", code: 75, says: "not now"),
    HostileCase("LIST is refused for good", list, "TAG NO [NOPERM] no\r\n", code: 77),
    HostileCase("an answer to no command", list, "m999 OK done\r\n" + ok, says: "not sent"),
    HostileCase("an answer with another's tag", list, "a1 OK done\r\n" + ok),
    HostileCase("two answers to one command", list, "TRUTHTAG OK done\r\n" + ok),
    HostileCase("OK, then NO", list, "TRUTHTAG OK done\r\nTAG NO sorry\r\n"),
    HostileCase("a tagged BYE", list, "TAG BYE done\r\n"),
    HostileCase("a tagged PREAUTH", list, "TAG PREAUTH done\r\n"),
    HostileCase("asks for input", list, "+ go ahead\r\nTRUTH" + ok),
    HostileCase("asks for more at the login", "AUTHENTICATE", "+ \r\nTAG NO no\r\n", code: 77),
    HostileCase(
      "a challenge that is no base64", "AUTHENTICATE", "+ !!!\r\nTAG NO no\r\n", code: 77),
    .harmless("PREAUTH in the middle", list, "* PREAUTH in\r\nTRUTH" + ok),
    .harmless("capabilities vanish after the login", list, "* CAPABILITY IMAP4rev1\r\nTRUTH" + ok),
    .harmless(
      "capabilities come after the login", list,
      "* CAPABILITY IMAP4rev1 UIDPLUS MOVE CONDSTORE QRESYNC ENABLE ESEARCH OBJECTID LIST-STATUS\r\nTRUTH"
        + ok),
    HostileCase(
      "a namespace without an end", "NAMESPACE", "* NAMESPACE ((\"\" \"/\"\r\n" + ok,
      can: "NAMESPACE"),
    .harmless("ENABLE of nothing", "ENABLE", ok, can: "ENABLE QRESYNC CONDSTORE"),
    HostileCase("a line feed within a name", list, "* LIST () \"/\" \"a\nb\"\r\n" + ok),
    HostileCase("a NUL within a name", list, "* LIST () \"/\" \"a\u{0}b\"\r\n" + ok),
    .inbox(
      "SELECT answers another mailbox", select,
      "* 0 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [CLOSED] x\r\nTRUTH" + ok, code: 0,
      inbox: ["one", "two"]),
    .inbox("closed at once", select, "TRUTH* OK [CLOSED] x\r\n" + ok),
  ]

  static let endless: [HostileCase] = [
    HostileCase("a greeting", "", "* OK ", flood: "hello ", says: "octets"),
    HostileCase("a line", list, "", flood: "x", says: "octets"),
    HostileCase(
      "a list of flags", describe, "* 1 FETCH (FLAGS (", flood: "\\Seen ", says: "octets"),
    HostileCase("nesting", list, "* X ", flood: "(", says: "octets"),
    HostileCase("an excuse", list, "", flood: "* OK wait a moment\r\n"),
    HostileCase("empty lines", list, "", flood: "\r\n"),
    HostileCase("what nobody knows", list, "", flood: "* 1 FROBNICATE (x)\r\n"),
    HostileCase("EXISTS", select, "", flood: "* 1 EXISTS\r\n"),
    HostileCase("capabilities", list, "", flood: "* CAPABILITY IMAP4rev1\r\n"),
    HostileCase("mailboxes", list, "", flood: "* LIST () \"/\" a\r\n"),
    HostileCase("vanished messages", select, "", flood: "* VANISHED 1,3,5,7\r\n"),
    HostileCase("finds", search, "", flood: "* SEARCH 1 3 5 7\r\n", can: "CONDSTORE").opened,
    HostileCase("a literal with mailbox names", list, "* LIST () \"/\" {99999999}\r\n", flood: "x"),
    HostileCase("literals", list, "* X", flood: " {1}\r\nx", says: "octets"),
    HostileCase(
      "a text", fetch, "* 1 FETCH (UID 1 BODY[] {9223372036854775807}\r\n", flood: "abcdefgh\r\n"),
    HostileCase("a challenge", "AUTHENTICATE", "+ ", flood: "AAAA", says: "octets"),
    HostileCase("challenges", "AUTHENTICATE", "", flood: "+ \r\n"),
    HostileCase("goodbye", "LOGOUT", "", flood: "* OK bye\r\n", code: 0),
  ]

  static let flags: [HostileCase] = [
    .harmless("a NUL in a keyword", describe, "* 1 FETCH (UID 1 FLAGS (a\u{0}b))\r\nTRUTH" + ok),
    .harmless(
      "keywords that are none", describe,
      "TRUTH* 1 FETCH (UID 1 FLAGS (a\"b a{b a%b a*b ] \\ \\* \\Evil ../../x))\r\n" + ok),
    HostileCase("a line end in a keyword", describe, "* 1 FETCH (UID 1 FLAGS (a\r\nb))\r\n" + ok),
    .harmless(
      "a keyword of 10,000 letters", describe,
      "TRUTH* 1 FETCH (UID 1 FLAGS (\(String(repeating: "k", count: 10_000))))\r\n" + ok),
    HostileCase(
      "10,000 keywords", describe,
      "TRUTH* 1 FETCH (UID 1 FLAGS (\((1...10_000).map { "k\($0)" }.joined(separator: " "))))\r\n"
        + ok, says: "flags"),
    .inbox(
      "1,000 keywords", describe,
      "TRUTH* 1 FETCH (UID 1 FLAGS (\((1...1_000).map { "k\($0)" }.joined(separator: " "))))\r\n"
        + ok, code: nil, inbox: ["one", "two"]),
    .harmless(
      "PERMANENTFLAGS of rubbish", select, "TRUTH* OK [PERMANENTFLAGS (\\* ( x)] x\r\n" + ok),
    HostileCase("flags without an end", describe, "* 1 FETCH (UID 1 FLAGS (\\Seen\r\n" + ok),
    HostileCase("flags without a beginning", describe, "* 1 FETCH (UID 1 FLAGS \\Seen)\r\n" + ok),
  ]

  static let sets: [HostileCase] = [
    .inbox(
      "everything vanished", select, "TRUTH* VANISHED 1:4294967295\r\n" + ok, code: 0,
      can: "ENABLE QRESYNC CONDSTORE", isBelieved: true),
    HostileCase(
      "VANISHED of 0", select, "TRUTH* VANISHED 0\r\n" + ok, can: "ENABLE QRESYNC CONDSTORE"),
    .harmless(
      "VANISHED of what is there", describe, "TRUTH* VANISHED (EARLIER) 1:2\r\n" + ok,
      can: "ENABLE QRESYNC CONDSTORE"),
    .harmless("a search in any order", search, "* SEARCH 2 1 2 1 1\r\n" + ok, can: "CONDSTORE")
      .opened,
    .harmless(
      "ESEARCH without a tag", search, "* ESEARCH UID ALL 2,1\r\n" + ok, can: "CONDSTORE ESEARCH"
    ).opened,
    .harmless(
      "ESEARCH of other kind", search, "* ESEARCH (TAG \"m9\") ALL 1:2\r\n" + ok,
      can: "CONDSTORE ESEARCH"
    ).opened,
    .inbox(
      "ESEARCH of everything", search, "* ESEARCH (TAG \"m9\") UID ALL 1:4294967295\r\n" + ok,
      can: "CONDSTORE ESEARCH"
    ).opened,
    HostileCase(
      "ESEARCH of 0", search, "* ESEARCH (TAG \"m9\") UID ALL 0\r\n" + ok, can: "CONDSTORE ESEARCH"
    ).opened,
    .harmless(
      "COPYUID of billions", list, "TRUTHTAG OK [COPYUID 7 1:4294967295 1:4294967295] done\r\n"),
    .harmless("expunged messages", list, "* 1 EXPUNGE\r\n* 4294967295 EXPUNGE\r\nTRUTH" + ok),

    // Of a mailbox that was in sync.
    .kept(
      "all vanished earlier, and all there", "TRUTH* VANISHED (EARLIER) 1:4294967295\r\n" + ok,
      can: qresync),
    .kept("vanished without a word of it", "TRUTH* 0 EXISTS\r\n" + ok, code: 76, can: qresync),
    .kept(
      "one vanished, both there", "TRUTH* 1 EXISTS\r\n* VANISHED (EARLIER) 1:2\r\n" + ok,
      can: qresync),
    .kept("UIDNEXT goes back", "TRUTH* OK [UIDNEXT 2] x\r\n" + ok, can: qresync),
    .kept("mod-sequences go back", "TRUTH* OK [HIGHESTMODSEQ 4] x\r\n" + ok, can: qresync),
    .kept("no mod-sequences any more", "TRUTH* OK [NOMODSEQ] x\r\n" + ok, can: qresync),
    .kept(
      "mod-sequences go back, CONDSTORE", "TRUTH* OK [HIGHESTMODSEQ 4] x\r\n" + ok, can: "CONDSTORE"
    ),
    .kept("nothing there, CONDSTORE", "TRUTH* 0 EXISTS\r\n" + ok, code: 76, can: "CONDSTORE"),
    .returning("gone, and there again", vanished: "", can: "CONDSTORE"),
    .returning(
      "vanished, and there again", vanished: "* VANISHED (EARLIER) 1\r\n", can: qresync),
  ]

  /// What is said of a message that is saved there.
  static let saving: [HostileCase] = [
    HostileCase("refused before it is sent", "APPEND", "TAG NO [TOOBIG] no\r\n", code: 1),
    HostileCase("not understood", "APPEND", "TAG BAD what\r\n", code: 1),
    HostileCase("OK before it is sent", "APPEND", "TAG OK [APPENDUID 7 3] got it\r\n"),
    HostileCase("BYE before it is sent", "APPEND", "* BYE no\r\n", closes: true, code: 75),
    HostileCase("asked for twice", "APPEND", "+ go on\r\n+ go on\r\n", code: 76),
    HostileCase("refused when it was sent", "LITERAL", "TAG NO [OVERQUOTA] no\r\n", code: 1),
    HostileCase("BYE when it was sent", "LITERAL", "* BYE no\r\n", closes: true, code: 75),
    HostileCase("asked for more", "LITERAL", "+ more\r\nTAG OK x\r\n", code: 76),
    HostileCase("no UID", "LITERAL", "TAG OK done\r\n", code: 1),
    HostileCase("UID 0", "LITERAL", "TAG OK [APPENDUID 7 0] done\r\n", code: 1),
    HostileCase("another UIDVALIDITY", "LITERAL", "TAG OK [APPENDUID 8 3] done\r\n"),
    HostileCase("UIDVALIDITY 0", "LITERAL", "TAG OK [APPENDUID 0 3] done\r\n", code: 1),
    HostileCase("billions of UIDs", "LITERAL", "TAG OK [APPENDUID 7 1:4294967295] done\r\n"),
    HostileCase("two UIDs", "LITERAL", "TAG OK [APPENDUID 7 3:4] done\r\n"),
    HostileCase("the UID of another message", "LITERAL", "TAG OK [APPENDUID 7 1] done\r\n"),
  ]
}
