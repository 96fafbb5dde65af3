import TestSupport
import Testing

@testable import IMAPClient

@Suite("Damaged and cut input")
struct MutationTests {
  /// One session of a server, with most of what it may say.
  private static let session = Array(
    ("""
    * PREAUTH [CAPABILITY IMAP4rev1 QRESYNC LITERAL+] Logged in as x
    * CAPABILITY IMAP4rev1 STARTTLS AUTH=GSSAPI XPIG-LATIN
    * ENABLED CONDSTORE QRESYNC
    * ID ("name" "Cyrus" "version" "1.5" "os" {5}
    sunos "x" NIL)
    * NAMESPACE (("" "/")) (("~" "/" "X-PARAM" ("FLAG1" "FLAG2"))) NIL
    * LIST (\\NonExistent \\HasChildren) "/" Archive
    * LIST (\\Subscribed) "." {9}
    a "b" {5} ("CHILDINFO" ("SUBSCRIBED"))
    * LSUB () NIL &U,BTF2XlZyyKng-
    * STATUS "box" (MESSAGES 231 UIDNEXT 44292 UIDVALIDITY 5 HIGHESTMODSEQ 7011231777 MAILBOXID (F22))
    * FLAGS (\\Answered \\Flagged $MDNSent)
    * 172 EXISTS
    * OK [PERMANENTFLAGS (\\Deleted \\Seen \\*)] Limited
    * OK [UIDVALIDITY 3857529045] UIDs valid
    * OK [COPYUID 38505 304,319:320 3956:3958] Done
    * VANISHED (EARLIER) 41,43:116,118,120:211
    * SEARCH 2 5 6 7 11 12 18 (MODSEQ 917162500)
    * ESEARCH (TAG "m5") UID COUNT 17 ALL 4:18,21,28 X (1 (2))
    * 23 FETCH (FLAGS (\\Seen $Label1 \\Recent) RFC822.SIZE 44827 UID 7 MODSEQ (624140003))
    * 12 FETCH (UID 8 INTERNALDATE "17-Jul-1996 02:44:25 -0700" EMAILID (M6d99) X (a "b)" {2}
    () NIL))
    * 13 FETCH (BODY[HEADER.FIELDS (DATE "FROM")] {13}
    Date: now

     UID 9)
    * 14 FETCH (UID 10 BODY[] {21}
    A: b

    text {3} text) FLAGS (\\Draft))
    * 15 FETCH (RFC822 "a \\"body\\"" UID 11)
    * 16 FETCH (BODY[]<0> NIL)
    * 44 EXPUNGE
    + idling
    m1 OK [READ-WRITE] Select completed
    m2 NO [MODIFIED 7,9] Conditional STORE failed
    * BYE bye

    """).replacing("\n", with: "\r\n").utf8)

  private static let splices: [[UInt8]] = [
    "(", ")", "\"", "\\", "{", "}", "{3}\r\n", "{0+}\r\n", "~{2}\r\n", "\r\n", "\n", "\r", "\0",
    "*",
    "0", "99999999999999999999", "NIL", "BODY[] ", "[", "]", ":", ",", " ", "\u{ff}",
  ].map { Array($0.utf8) }

  @Test("the session itself is understood")
  func whole() {
    let trace = FeedTrace(Self.session)
    #expect(trace.error == nil)
    #expect(trace.entries.count == 31)
    #expect(!trace.entries.contains(.response(.unknown)))
  }

  @Test("cut in two anywhere")
  func cuts() {
    let whole = FeedTrace(Self.session)
    for place in 1..<Self.session.count where FeedTrace(Self.session, cuts: [place]) != whole {
      Issue.record("cut at \(place)")
    }
  }

  @Test("ended anywhere: nothing is made up")
  func ends() {
    let whole = FeedTrace(Self.session)
    for place in 0..<Self.session.count {
      let trace = FeedTrace(Array(Self.session.prefix(place)))
      var finished = trace.entries[...]
      if case .body(_, _, _, isWhole: false)? = finished.last { finished.removeLast() }
      #expect(trace.error == nil)
      #expect(whole.entries.starts(with: finished))
    }
  }

  @Test("damaged: events or an error, the same for every cut", arguments: 0..<16 as Range<UInt64>)
  func mutations(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for round in 0..<60 {
      var bytes = Self.session
      for _ in 0..<Int.random(in: 1...4, using: &random) { Self.damage(&bytes, &random) }
      let cuts = (0..<Int.random(in: 1...400, using: &random)).map { _ in
        Int.random(in: 1...40, using: &random)
      }
      let whole = FeedTrace(bytes)
      if FeedTrace(bytes, cuts: cuts) != whole {
        Issue.record("round \(round): \(String(decoding: bytes, as: UTF8.self)) \(cuts)")
      }
      if let excerpt = whole.error?.excerpt {
        #expect(excerpt.utf8.count <= 80 && excerpt.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f })
      }
    }
  }

  private static func damage(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
    let place = Int.random(in: 0..<bytes.count, using: &random)
    let end = min(bytes.count, place + Int.random(in: 0...6, using: &random))
    switch Int.random(in: 0..<5, using: &random) {
    case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
    case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 2: bytes.removeSubrange(place..<end)
    case 3:
      let splice = splices.randomElement(using: &random) ?? []
      bytes.replaceSubrange(place..<end, with: splice)
    default: bytes.insert(contentsOf: bytes[place..<end], at: place)
    }
  }
}
