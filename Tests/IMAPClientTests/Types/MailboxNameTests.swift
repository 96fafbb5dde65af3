import IMAPClient
import TestSupport
import Testing

@Suite("mailbox names") struct MailboxNameTests {
  @Test(
    "INBOX in any case, and only INBOX",
    arguments: [
      ("inbox", true), ("INBOX", true), ("iNbOx", true), ("\u{131}nbox", false),
      ("inbox ", false), ("inboxes", false), ("INBOX/a", false), ("a/inbox", false),
      ("İNBOX", false),
    ])
  func inbox(path: String, isInbox: Bool) throws {
    let name = try #require(MailboxName(path: path))
    #expect(name.isInbox == isInbox)
    #expect((name == .inbox) == isInbox)
    #expect(name.path == (isInbox ? "INBOX" : path))
  }

  @Test("no name", arguments: ["", "/", "a/", "/a", "a//b", "a\n", "a\u{0}", "\u{7f}", "a\tb"])
  func refused(path: String) { #expect(MailboxName(path: path) == nil) }

  @Test func family() throws {
    let name = try #require(MailboxName(path: "a/b/c"))
    let parent = try #require(MailboxName(path: "a/b"))
    let root = try #require(MailboxName(path: "a"))
    #expect(name.parent == parent)
    #expect(root.parent == nil)
    #expect(name.removingPrefix(root)?.path == "b/c")
    #expect(name.removingPrefix(name) == nil)
    #expect(root.removingPrefix(name) == nil)
    #expect(root.appending(parent).path == "a/a/b")
    #expect(MailboxName([]) == nil)
    #expect(MailboxName(["a/b"])?.path == "a/b")
    #expect(MailboxName(["a/b"]) != parent)
    #expect(root < parent && parent < name)
  }
}

@Suite("modified UTF-7") struct ModifiedUTF7Tests {
  /// RFC 3501 §5.1.3, RFC 2152 §4, and more.
  @Test(
    arguments: [
      ("", ""), ("INBOX", "INBOX"), ("&", "&-"), ("R&D", "R&-D"), ("&&", "&-&-"),
      ("~peter", "~peter"),
      ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"), ("Hi Mom -☺-!", "Hi Mom -&Jjo--!"),
      ("Entwürfe", "Entw&APw-rfe"), ("Gelöscht", "Gel&APY-scht"), ("日本語", "&ZeVnLIqe-"),
      ("😀", "&2D3eAA-"), ("é&é", "&AOk-&-&AOk-"), ("e\u{301}", "e&AwE-"), ("\u{0}", "&AAA-"),
      ("a\tb", "a&AAk-b"), ("+/,\\\"", "+/,\\\""), ("\u{7f}", "&AH8-"), ("\u{ffff}", "&,,8-"),
      ("\u{10ffff}", "&2,,f,w-"),
    ])
  func table(text: String, encoded: String) {
    #expect(ModifiedUTF7.encode(text) == Array(encoded.utf8))
    #expect(ModifiedUTF7.decode(Array(encoded.utf8)).map { Array($0.utf8) } == Array(text.utf8))
  }

  @Test(
    "what is not the one right form",
    arguments: [
      "&", "a&", "&Jjo", "&Jjo!", "R&D", "&AGE-", "&AGEAYg-", "&Jjo-&Jjo-", "&JjoA-", "&Jjp-",
      "&J-",
      "&Jj-", "&ACY-", "&AP/-", "&A=-", "&AOk=-", "&2D0-", "&3gA-", "&3gDYPQ-", "&2D3YPQ-", "& -",
      "&AO k-", "é", "a\u{0}", "a\n", "\u{7f}", "&AA--", "&A", "&AOkAZQ-", "&AAAA-", "&AAAAAAA-",
    ].map { Array($0.utf8) } + [[0x80], [0xff, 0x26, 0x2d]])
  func refused(bytes: [UInt8]) { #expect(ModifiedUTF7.decode(bytes) == nil) }

  @Test(arguments: UInt64(1)...20)
  func roundTrip(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<200 {
      var text = String.UnicodeScalarView()
      for _ in 0..<Int.random(in: 0...12, using: &random) {
        let limit: UInt32 = random.oneIn(2) ? 0x7f : random.oneIn(2) ? 0x2fff : 0x10ffff
        if let scalar = Unicode.Scalar(UInt32.random(in: 0...limit, using: &random)) {
          text.append(random.oneIn(6) ? "&" : scalar)
        }
      }
      let encoded = ModifiedUTF7.encode(String(text))
      #expect(encoded.allSatisfy { $0 >= 0x20 && $0 < 0x7f })
      #expect(ModifiedUTF7.decode(encoded).map { Array($0.unicodeScalars) } == Array(text))
    }
  }

  @Test("two encoded names never stand for one mailbox", arguments: UInt64(1)...20)
  func canonical(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let alphabet = Array("&&&--AJjo+,/ a0é".utf8)
    for _ in 0..<2000 {
      let bytes = (0..<Int.random(in: 0...9, using: &random)).compactMap { _ in
        alphabet.randomElement(using: &random)
      }
      if let text = ModifiedUTF7.decode(bytes) { #expect(ModifiedUTF7.encode(text) == bytes) }
    }
  }
}

@Suite("Mailbox names") struct MailboxNameIdentityTests {
  @Test("a letter with an accent and a letter followed by one are two names")
  func compositions() throws {
    let composed = try #require(MailboxName(path: "caf\u{e9}"))
    let decomposed = try #require(MailboxName(path: "cafe\u{301}"))
    #expect(composed != decomposed)
    #expect(Set([composed, decomposed]).count == 2)
    #expect((composed < decomposed) != (decomposed < composed))
    let below = decomposed.appending(try #require(MailboxName(path: "2024")))
    #expect(below.removingPrefix(composed) == nil)
    #expect(below.removingPrefix(decomposed)?.path == "2024")
  }

  @Test("INBOX in any case is one mailbox, in ASCII only", arguments: ["inbox", "Inbox", "INBOX"])
  func inbox(spelling: String) throws {
    #expect(try #require(MailboxName(path: spelling)).isInbox)
    #expect(try #require(MailboxName(path: "\u{131}nbox")).isInbox == false)
  }
}
