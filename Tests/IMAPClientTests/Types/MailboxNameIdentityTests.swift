import IMAPClient
import Testing

@Suite("Which mailbox names are one mailbox")
struct MailboxNameIdentityTests {
  private static let composed = "Caf\u{e9}"
  private static let decomposed = "Cafe\u{301}"

  @Test("equivalent names of different code points are two mailboxes")
  func codePoints() throws {
    let one = try #require(MailboxName([Self.composed]))
    let other = try #require(MailboxName([Self.decomposed]))
    #expect(one != other)
    #expect((one < other) != (other < one))
    #expect(Set([one, other]).count == 2)
    let below = try #require(MailboxName([Self.decomposed, "2024"]))
    #expect(below.removingPrefix(one) == nil)
    #expect(below.removingPrefix(other) == MailboxName(["2024"]))
  }

  @Test("their encodings differ", arguments: [composed, decomposed])
  func encodings(_ name: String) throws {
    let wire = ModifiedUTF7.encode(name)
    let back = try #require(ModifiedUTF7.decode(wire))
    #expect(Array(back.unicodeScalars) == Array(name.unicodeScalars))
  }

  @Test("INBOX in any case, and nothing else", arguments: ["INBOX", "inbox", "InBoX"])
  func inbox(_ name: String) { #expect(MailboxName([name]) == .inbox) }

  @Test(
    "other names", arguments: ["\u{131}nbox", "\u{130}NBOX", "INBOXES", "NBOX", "I\u{301}NBOX"])
  func notInbox(_ name: String) throws {
    let name = try #require(MailboxName([name]))
    #expect(!name.isInbox)
    #expect(name != .inbox)
  }

  @Test("INBOX is special as the only level")
  func levels() throws {
    let name = try #require(MailboxName(["inbox", "a"]))
    #expect(name.components == ["inbox", "a"])
  }
}
