import IMAPClient

/// Responses of the RFCs' examples and of real servers, with what they mean.
enum WireCorpus {
  static let all = status + codes + mailboxes + searches + messages

  static let status: [WireRow] = [
    WireRow("* OK IMAP4rev2 Service Ready", .ok(nil, "IMAP4rev2 Service Ready")),
    WireRow("* OK", .ok()),
    WireRow("* OK ", .ok()),
    WireRow("* NO [ALERT]", .status(StatusResponse(.no, code: .alert))),
    WireRow("* BAD what?", .status(StatusResponse(.bad, text: Array("what?".utf8)))),
    WireRow("* bye Autologout", .status(StatusResponse(.bye, text: Array("Autologout".utf8)))),
    WireRow(
      "* PREAUTH [CAPABILITY IMAP4rev1 IDLE] Logged in as x",
      .status(
        StatusResponse(
          .preauth, code: .capability([Capability("IMAP4REV1"), Capability("IDLE")]),
          text: Array("Logged in as x".utf8)))),
    WireRow("m1 OK done", .answer(1, .ok, nil, "done")),
    WireRow("m4294967295 NO", .answer(.max, .no)),
    WireRow(
      "m7 BAD Error in IMAP command LIST: {5}",
      .answer(7, .bad, nil, "Error in IMAP command LIST: {5}")),
    WireRow("* OK [ALERT] pay {12}\n* 1 EXISTS", .ok(.alert, "pay {12}"), .exists(1)),
    WireRow("+ {3}\n+", .continuation(Array("{3}".utf8)), .continuation([])),
    WireRow("+ dGVzdA==", .continuation(Array("dGVzdA==".utf8))),
    WireRow(
      "* CAPABILITY IMAP4rev1 AUTH=PLAIN  LITERAL- ",
      .capabilities("IMAP4REV1", "AUTH=PLAIN", "LITERAL-")),
    WireRow("* CAPABILITY", .capabilities()),
    WireRow("* ENABLED", .enabled([])),
    WireRow("* ENABLED ", .enabled([])),
    WireRow("* ENABLED CONDSTORE QRESYNC", .enabled([.condStore, .qResync])),
    WireRow("* ID NIL", .id([])),
    WireRow(
      "* ID (\"name\" \"Cyrus\" \"version\" NIL)",
      .id([
        IDField(key: Array("name".utf8), value: Array("Cyrus".utf8)),
        IDField(key: Array("version".utf8), value: nil),
      ])),
    WireRow("* ID (\"name\")", .id([IDField(key: Array("name".utf8), value: nil)])),
    WireRow("* ID (\"name", .id([])),
    WireRow("* ID garbage", .id([])),
    WireRow("* QUOTA \"\" (STORAGE 10 512)", .unknown),
    WireRow("* 5 FROBNICATE (x)", .unknown),
    WireRow("* X-LONG {4}\nabcd and {0}\n and more", .unknown),
    WireRow("\n* 3 EXISTS", .exists(3)),
    WireRow("*  3 EXISTS", .exists(3)),
  ]

  /// RFC 9051 §7.1, RFC 4315 §3, RFC 5530, RFC 7162, RFC 8474, RFC 9738.
  static let codes: [WireRow] = [
    WireRow("* OK [UNSEEN 17] Message 17 is first", .ok(.unseen(17), "Message 17 is first")),
    WireRow("* OK [UIDVALIDITY 3857529045]", .ok(validity(3_857_529_045).map { .uidValidity($0) })),
    WireRow("* OK [UIDVALIDITY 0] x", .ok(.other("UIDVALIDITY"), "x")),
    WireRow("* OK [UIDNEXT 4294967295] x", .ok(.uidNext(.last), "x")),
    WireRow("* OK [UIDNEXT 4294967296] x", .ok(.other("UIDNEXT"), "x")),
    WireRow("* OK [UIDNEXT] x", .ok(.other("UIDNEXT"), "x")),
    WireRow(
      "* OK [PERMANENTFLAGS (\\Deleted \\Seen \\*)] Limited",
      .ok(.permanentFlags(["\\Deleted", "\\Seen", "\\*"].map { Array($0.utf8) }), "Limited")),
    WireRow("* OK [PERMANENTFLAGS ()] x", .ok(.permanentFlags([]), "x")),
    WireRow("* OK [PERMANENTFLAGS (\\Seen] x", .ok(.other("PERMANENTFLAGS"), "x")),
    WireRow("* OK [PERMANENTFLAGS NIL] x", .ok(.other("PERMANENTFLAGS"), "x")),
    WireRow(
      "* OK [HIGHESTMODSEQ 715194045007]",
      .ok(ModSequence(715_194_045_007).map { .highestModSeq($0) })),
    WireRow(
      "* OK [HIGHESTMODSEQ 9223372036854775807]",
      .ok(ModSequence(1 << 63 - 1).map { .highestModSeq($0) })),
    WireRow("* OK [HIGHESTMODSEQ 9223372036854775808]", .ok(.other("HIGHESTMODSEQ"))),
    WireRow("* OK [HIGHESTMODSEQ 18446744073709551616]", .ok(.other("HIGHESTMODSEQ"))),
    WireRow("* OK [HIGHESTMODSEQ 0]", .ok(.other("HIGHESTMODSEQ"))),
    WireRow("* OK [NOMODSEQ] Sorry", .ok(.noModSeq, "Sorry")),
    WireRow("* OK [CLOSED]", .ok(.closed)),
    WireRow(
      "* NO [UIDNOTSTICKY] x",
      .status(StatusResponse(.no, code: .uidNotSticky, text: Array("x".utf8)))),
    WireRow("m2 OK [READ-WRITE] SELECT completed", .answer(2, .ok, .readWrite, "SELECT completed")),
    WireRow("m2 OK [read-only]", .answer(2, .ok, .readOnly)),
    WireRow("m3 NO [TRYCREATE] No such mailbox", .answer(3, .no, .tryCreate, "No such mailbox")),
    WireRow("m3 NO [OVERQUOTA] Sorry", .answer(3, .no, .overQuota, "Sorry")),
    WireRow("m3 NO [CANNOT] x", .answer(3, .no, .cannot, "x")),
    WireRow("m3 NO [CORRUPTION] x", .answer(3, .no, .other("CORRUPTION"), "x")),
    WireRow("m3 NO [BADCHARSET (UTF-8 \"US-ASCII\")] x", .answer(3, .no, .badCharset, "x")),
    WireRow("m3 NO [REFERRAL imap://a@b/c] x", .answer(3, .no, .other("REFERRAL"), "x")),
    WireRow("m3 NO [] x", .answer(3, .no, nil, "[] x")),
    WireRow("m3 NO [ALERT x", .answer(3, .no, nil, "[ALERT x")),
    WireRow("m3 NO [", .answer(3, .no, nil, "[")),
    WireRow(
      "m4 OK [APPENDUID 38505 3955] done",
      .answer(4, .ok, validity(38505).map { .appendUID($0, uids(3955...3955)) }, "done")),
    WireRow(
      "m4 OK [APPENDUID 38505 100:102] done",
      .answer(4, .ok, validity(38505).map { .appendUID($0, uids(100...102)) }, "done")),
    WireRow("m4 OK [APPENDUID 0 1] done", .answer(4, .ok, .other("APPENDUID"), "done")),
    WireRow(
      "m5 OK [COPYUID 38505 304,319:320 3956:3958] Done",
      .answer(
        5, .ok,
        validity(38505).map {
          .copyUID(
            $0, from: [uid(304)...uid(304), uid(319)...uid(320)], to: [uid(3956)...uid(3958)])
        }, "Done")),
    WireRow("m5 OK [COPYUID 38505 0 1] Done", .answer(5, .ok, .other("COPYUID"), "Done")),
    WireRow("m5 OK [COPYUID 38505  ] Done", .answer(5, .ok, .other("COPYUID"), "Done")),
    WireRow("m5 OK [COPYUID 1 1:* 5] Done", .answer(5, .ok, .other("COPYUID"), "Done")),
    WireRow(
      "m6 OK [MODIFIED 7,9] Conditional STORE failed",
      .answer(6, .ok, .modified(uids(7...7, 9...9)), "Conditional STORE failed")),
    WireRow(
      "m6 NO [MODIFIED 9,7,1:3] x", .answer(6, .no, .modified(uids(1...3, 7...7, 9...9)), "x")),
    WireRow(
      "* OK [MAILBOXID (F2212ea87-6097-4256-9d51-71338625)] Ok",
      .ok(.mailboxID(Array("F2212ea87-6097-4256-9d51-71338625".utf8)), "Ok")),
    WireRow("m6 OK [MESSAGELIMIT 1000 23221]", .answer(6, .ok, .messageLimit(1000, uid(23221)))),
    WireRow("m6 NO [MESSAGELIMIT 1000]", .answer(6, .no, .messageLimit(1000, nil))),
    WireRow(
      "m6 OK [CAPABILITY IMAP4rev1 X] in",
      .answer(6, .ok, .capability([Capability("IMAP4REV1"), Capability("X")]), "in")),
  ]

  /// RFC 9051 §7.3, RFC 5258, RFC 5819, RFC 6154, RFC 2342.
  static let mailboxes: [WireRow] = [
    WireRow("* LIST (\\Noselect) \"/\" ~/Mail/foo", .list(["\\noselect"], "/", "~/Mail/foo")),
    WireRow("* LIST () NIL INBOX", .list([], nil, "INBOX")),
    WireRow("* LIST () \"\" INBOX", .list([], nil, "INBOX")),
    WireRow("* LIST () nil NIL", .list([], nil, "NIL")),
    WireRow(
      "* LIST (\\HasNoChildren \\Sent) \".\" \"INBOX.a \\\"b\\\\\" ",
      .list(["\\hasnochildren", "\\sent"], ".", "INBOX.a \"b\\")),
    WireRow("* LIST (\\Marked ) \"\\\\\" x", .list(["\\marked"], "\\", "x")),
    WireRow("* LIST () \"/\" {5}\na/b.c", .list([], "/", "a/b.c")),
    WireRow("* LIST () \"/\" {3+}\na b", .list([], "/", "a b")),
    WireRow("* LIST () \"/\" {6}\nab {3}", .list([], "/", "ab {3}")),
    WireRow("* LIST () \"/\" {4}\na\r\n\r", .list([], "/", "a\r\n\r")),
    WireRow("* LIST () \"/\" {0}\n", .list([], "/", "")),
    WireRow("* LIST () \"/\" foo (\"CHILDINFO\" (\"SUBSCRIBED\"))", .list([], "/", "foo")),
    WireRow("* LIST () \"/\" [Gmail]/All", .list([], "/", "[Gmail]/All")),
    WireRow("* LIST () \"/\" a(b)", .list([], "/", "a(b)")),
    WireRow(
      "* LSUB () \".\" #news.comp.mail", .list([], ".", "#news.comp.mail", isSubscription: true)),
    WireRow(
      "* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)",
      .mailboxStatus("blurdybloop") {
        $0.messages = 231
        $0.uidNext = uid(44292)
      }),
    WireRow(
      "* STATUS \"a b\" (UNSEEN 1 SIZE 44421 UIDVALIDITY 7 HIGHESTMODSEQ 7011231777 RECENT 0 APPENDLIMIT NIL DELETED 3 )",
      .mailboxStatus("a b") {
        $0.unseen = 1
        $0.size = 44421
        $0.uidValidity = validity(7)
        $0.highestModSeq = ModSequence(7_011_231_777)
      }),
    WireRow("* STATUS {3}\na b ()", .mailboxStatus("a b") { _ in }),
    WireRow(
      "* STATUS x (APPENDLIMIT 35651584 X-FOO (a (b \"c)\")))",
      .mailboxStatus("x") { $0.appendLimit = 35_651_584 }),
    WireRow("* STATUS x (HIGHESTMODSEQ 0 UIDVALIDITY 0)", .mailboxStatus("x") { _ in }),
    WireRow(
      "* STATUS x (MAILBOXID (F2212ea87) MESSAGES 1)",
      .mailboxStatus("x") {
        $0.mailboxID = Array("F2212ea87".utf8)
        $0.messages = 1
      }),
    WireRow(
      "* STATUS x (X-GUID f0f1552c0fef006b856c000083ecc375)",
      .mailboxStatus("x") { $0.mailboxID = Array("f0f1552c0fef006b856c000083ecc375".utf8) }),
    WireRow(
      bytes: Array("* STATUS x (MAILBOXID (".utf8) + [0xc3, 0x22, 0x20, 0x00, 0x28, 0xff, 0x7b]
        + Array(") MESSAGES 2)\r\n".utf8),
      [.mailboxStatus("x") { $0.messages = 2 }]),
    WireRow(
      "* NAMESPACE ((\"INBOX.\" \".\")) NIL ((\"#shared.\" \".\" \"X-PARAM\" (\"FLAG1\" \"FLAG2\")) (\"\" NIL))",
      .namespace(
        NamespaceResponse(
          personal: [.init(prefix: Array("INBOX.".utf8), separator: 0x2e)],
          shared: [
            .init(prefix: Array("#shared.".utf8), separator: 0x2e),
            .init(prefix: [], separator: nil),
          ]))),
    WireRow("* NAMESPACE NIL NIL NIL", .namespace(NamespaceResponse())),
    WireRow(
      "* NAMESPACE ((\"\" \"/\")(\"x/\" \"/\"))NIL NIL",
      .namespace(
        NamespaceResponse(personal: [
          .init(prefix: [], separator: 0x2f), .init(prefix: Array("x/".utf8), separator: 0x2f),
        ]))),
    WireRow(
      "* FLAGS (\\Answered $Forwarded)",
      .flags([Array("\\Answered".utf8), Array("$Forwarded".utf8)])),
    WireRow("* FLAGS ()", .flags([])),
  ]

  /// RFC 9051 §7.3.4, RFC 4731, RFC 7162 §3.1.5 and §3.2.10.
  static let searches: [WireRow] = [
    WireRow("* SEARCH 2 3 6", .search([2, 3, 6], modSeq: nil)),
    WireRow("* SEARCH", .search([], modSeq: nil)),
    WireRow("* SEARCH 0 5 ", .search([5], modSeq: nil)),
    WireRow("* SEARCH 2 5 (MODSEQ 917162500)", .search([2, 5], modSeq: ModSequence(917_162_500))),
    WireRow(
      "* ESEARCH (TAG \"m282\") UID MIN 2 MAX 47 COUNT 25 ALL 2,10:11,47",
      .esearch {
        $0.tag = Tag(282)
        $0.isUID = true
        $0.min = 2
        $0.max = 47
        $0.count = 25
        $0.all = uids(2...2, 10...11, 47...47)
      }),
    WireRow("* ESEARCH (TAG \"a283\")", .esearch { _ in }),
    WireRow("* ESEARCH", .esearch { _ in }),
    WireRow(
      "* ESEARCH (TAG m3) UID ",
      .esearch {
        $0.tag = Tag(3)
        $0.isUID = true
      }),
    WireRow(
      "* ESEARCH (TAG \"m4\") UID ALL",
      .esearch {
        $0.tag = Tag(4)
        $0.isUID = true
      }),
    WireRow(
      "* ESEARCH (TAG \"m4\" MAILBOX \"a (b\" UIDVALIDITY 1) UID ALL 7,3,5:4 MODSEQ 9 PARTIAL (1:2 3)",
      .esearch {
        $0.tag = Tag(4)
        $0.isUID = true
        $0.all = uids(3...5, 7...7)
        $0.modSeq = ModSequence(9)
      }),
    WireRow(
      "* VANISHED (EARLIER) 41,43:116,118",
      .vanished(earlier: true, uids(41...41, 43...116, 118...118))),
    WireRow(
      "* VANISHED 405,407:406,4294967295:1", .vanished(earlier: false, UIDSet(.first ... .last))),
    WireRow("* 4294967295 EXISTS", .exists(.max)),
    WireRow("* 0 RECENT", .recent(0)),
    WireRow("* 44 EXPUNGE", .expunge(44)),
  ]

  /// RFC 9051 §7.5.2, RFC 7162 §3.1.4, RFC 8474 §5.
  static let messages: [WireRow] = [
    WireRow(
      "* 12 FETCH (FLAGS (\\Seen) UID 7 MODSEQ (65402))",
      .fetch(12) {
        $0.uid = uid(7)
        $0.flags = FlagSet(.seen)
        $0.modSeq = ModSequence(65402)
      }),
    WireRow("* 1 FETCH (UID 4294967295)", .fetch(1) { $0.uid = .last }),
    WireRow("* 1 FETCH ()", .fetch(1) { _ in }),
    WireRow(
      "* 1 FETCH ( UID 5 FLAGS ( ) ) ",
      .fetch(1) {
        $0.uid = uid(5)
        $0.flags = .empty
      }),
    WireRow("* 1 fetch(uid 5)", .fetch(1) { $0.uid = uid(5) }),
    WireRow(
      "* 1 FETCH (FLAGS (\\seen \\ANSWERED \\Recent \\X $Label1 nonJunk \\Flagged \\Deleted \\Draft))",
      .fetch(1) {
        $0.flags = FlagSet(
          [.seen, .answered, .flagged, .deleted, .draft],
          keywords: ["$Label1", "nonJunk"].compactMap { Keyword($0) })
      }),
    WireRow("* 1 FETCH (MODSEQ (0) UID 1)", .fetch(1) { $0.uid = uid(1) }),
    WireRow("* 1 FETCH (MODSEQ (9223372036854775808) UID 1)", .fetch(1) { $0.uid = uid(1) }),
    WireRow(
      "* 23 FETCH (RFC822.SIZE 44827 INTERNALDATE \"17-Jul-1996 02:44:25 -0700\")",
      .fetch(23) {
        $0.size = 44827
        $0.internalDate = InternalDate(seconds: 837_596_665)
      }),
    WireRow(
      "* 1 FETCH (INTERNALDATE \" 5-Feb-2023 09:00:00 +0000\")",
      .fetch(1) { $0.internalDate = InternalDate(seconds: 1_675_587_600) }),
    WireRow(
      "* 1 FETCH (INTERNALDATE \"00-Jan-0000 00:00:00 +0000\" UID 3)", .fetch(1) { $0.uid = uid(3) }
    ),
    WireRow("* 1 FETCH (INTERNALDATE NIL)", .fetch(1) { _ in }),
    WireRow(
      "* 1 FETCH (EMAILID (M6d99ac3275bb4e) THREADID (NIL))",
      .fetch(1) { $0.emailID = Array("M6d99ac3275bb4e".utf8) }),
    WireRow(
      "* 1 FETCH (X-GUID \"a\\\"b\" UID 2)",
      .fetch(1) {
        $0.emailID = Array("a\"b".utf8)
        $0.uid = uid(2)
      }),
    WireRow(
      "* 1 FETCH (X-GM-MSGID 1278455344230334865)",
      .fetch(1) { $0.emailID = Array("1278455344230334865".utf8) }),
    WireRow("* 1 FETCH (X-GUID NILS)", .fetch(1) { $0.emailID = Array("NILS".utf8) }),
    WireRow(
      "* 12 FETCH (BODY[HEADER] {6}\nA: b\n UID 3)",
      .fetch(12) {
        $0.header = Array("A: b\r\n".utf8)
        $0.uid = uid(3)
      }),
    WireRow(
      "* 1 FETCH (BODY[HEADER.FIELDS (\"X]\" {3}\nY]Z)] \"x\" UID 3)",
      .fetch(1) {
        $0.header = Array("x".utf8)
        $0.uid = uid(3)
      }),
    WireRow(
      "* 1 FETCH (BODY[HEADER]<0> NIL RFC822.TEXT {2}\n)) UID 3)",
      .fetch(1) {
        $0.header = []
        $0.uid = uid(3)
      }),
    WireRow(
      "* 1 FETCH (BODY[1.MIME] {4}\nBODY BINARY[1] ~{2}\n\0\u{1} BINARY.SIZE[1] 5 UID 3)",
      .fetch(1) {
        $0.sections = ["1.MIME": Array("BODY".utf8)]
        $0.uid = uid(3)
      }),
    WireRow("* 1 FETCH (X {0}\n Y {1}\n} UID 3)", .fetch(1) { $0.uid = uid(3) }),
    WireRow(
      "* 1 FETCH (BODY (\"TEXT\" \"PLAIN\" (\"CHARSET\" \"a\\\")\") NIL NIL \"7BIT\" 3028 92) UID 3)",
      .fetch(1) { $0.uid = uid(3) }),
    WireRow(
      "* 1 FETCH (ENVELOPE (NIL {3}\n()\" NIL) PREVIEW ~x UID 3)", .fetch(1) { $0.uid = uid(3) }),
  ]
}
