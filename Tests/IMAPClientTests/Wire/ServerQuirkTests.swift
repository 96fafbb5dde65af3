import IMAPClient
import Testing

@Suite("What servers get wrong")
struct ServerQuirkTests {
  private func responses(_ text: String) -> [Response] {
    let result = ReadResult(Array(text.utf8))
    #expect(result.failure == nil)
    return result.responses
  }

  @Test(
    "stray octets for a MAILBOXID leave the other items readable",
    arguments: [
      "\u{1}\u{7f}\u{2}", "a b", "\"", "{5}", "a)b", "a) 1", "((", "()", "", "\\", "é",
      "UIDNEXT 9",
    ])
  func mailboxID(_ junk: String) throws {
    var status = MailboxStatus()
    status.messages = 3
    status.uidNext = UID(4)
    let expected = Response.mailboxStatus(mailbox: Array("A".utf8), status)
    #expect(
      responses("* STATUS A (MESSAGES 3 MAILBOXID (\(junk)) UIDNEXT 4)\r\n") == [expected])
    #expect(
      responses("* STATUS A (MESSAGES 3 UIDNEXT 4 MAILBOXID (\(junk)))\r\n") == [expected])
  }

  @Test("a true MAILBOXID", arguments: ["F2212ea87-6097-4256-9d51-71338625", "a_b", "0"])
  func trueMailboxID(_ id: String) throws {
    var status = MailboxStatus()
    status.mailboxID = Array(id.utf8)
    #expect(
      responses("* STATUS A (MAILBOXID (\(id)))\r\n")
        == [.mailboxStatus(mailbox: Array("A".utf8), status)])
    #expect(
      responses("* OK [MAILBOXID (\(id))] Ok\r\n")
        == [.status(StatusResponse(.ok, code: .mailboxID(Array(id.utf8)), text: Array("Ok".utf8)))])
  }

  @Test(
    "a date that is none does not hide the message",
    arguments: ["\"\"", "NIL", "\"31-Feb-2023 10:00:00 +0000\"", "\"\\\"\"", "\"x\""])
  func date(_ date: String) throws {
    var fetch = FetchResponse(sequenceNumber: 1)
    fetch.uid = UID(2)
    fetch.size = 5
    #expect(
      responses("* 1 FETCH (UID 2 INTERNALDATE \(date) RFC822.SIZE 5)\r\n") == [.fetch(fetch)])
  }

  @Test(
    "a leading space in a date",
    arguments: ["\" 5-Feb-2023 10:00:00 +0100\"", "\"05-feb-2023 10:00:00 +0100\""])
  func leadingSpace(_ date: String) throws {
    var fetch = FetchResponse(sequenceNumber: 1)
    fetch.internalDate = InternalDate(seconds: 1_675_587_600)
    #expect(responses("* 1 FETCH (INTERNALDATE \(date))\r\n") == [.fetch(fetch)])
  }

  @Test("ids that begin like NIL", arguments: ["NIL1", "nilly", "\"NIL\""])
  func nilPrefix(_ id: String) throws {
    var fetch = FetchResponse(sequenceNumber: 1)
    fetch.emailID = Array(id.utf8.filter { $0 != UInt8(ascii: "\"") })
    fetch.uid = UID(2)
    #expect(responses("* 1 FETCH (X-GUID \(id) UID 2)\r\n") == [.fetch(fetch)])
  }

  @Test("lists of what is not there")
  func empty() throws {
    #expect(responses("* ENABLED\r\n* ENABLED \r\n") == [.enabled([]), .enabled([])])
    #expect(responses("* SEARCH\r\n* SEARCH \r\n").count == 2)
    #expect(responses("\r\n\n* OK\r\n") == [.status(StatusResponse(.ok))])
  }

  @Test("keywords are the same whether their list was met before or not")
  func repeatedFlags() throws {
    let lists = [
      "(\\Seen $Label1 NonJunk)", "($Label1 \\Seen)", "(NonJunk)", "()", "(\\Recent bad\"one $ok)",
      "(\\Seen $Label1 NonJunk)", "(\\SEEN $label1  nonjunk )", "(\\Seen $Label1 NonJunk)",
    ]
    let text = lists.map { "* 1 FETCH (FLAGS \($0))\r\n" }.joined()
    let flags = responses(text).map { response -> FlagSet? in
      guard case .fetch(let fetch) = response else { return nil }
      return fetch.flags
    }
    let label = try #require(Keyword("$Label1"))
    let nonJunk = try #require(Keyword("NonJunk"))
    let ok = try #require(Keyword("$ok"))
    let both = FlagSet(.seen, keywords: [label, nonJunk])
    #expect(
      flags == [
        both, FlagSet(.seen, keywords: [label]), FlagSet(keywords: [nonJunk]), .empty,
        FlagSet(keywords: [ok]), both, both, both,
      ])
  }

  @Test(
    "numbers out of range are errors, never traps",
    arguments: [
      "* 4294967296 EXISTS", "* 0 FETCH (UID 1)", "* 0 EXPUNGE", "* 1 FETCH (UID 0)",
      "* 1 FETCH (UID 4294967296)", "* 1 FETCH (RFC822.SIZE 18446744073709551616)",
      "* 1 FETCH (MODSEQ (18446744073709551616))", "* VANISHED 0", "* VANISHED 1:0",
      "* VANISHED 1:*", "* VANISHED 99999999999999999999999999999",
      "* SEARCH 123456789012345678901234567890", "m4294967296 OK x", "m OK x", "a1 OK x",
    ])
  func numbers(_ line: String) { #expect(ReadResult(Array("\(line)\r\n".utf8)).failure != nil) }

  @Test("the largest numbers")
  func largest() throws {
    var fetch = FetchResponse(sequenceNumber: .max)
    fetch.uid = .last
    fetch.size = UInt64(Int64.max)
    fetch.modSeq = ModSequence(UInt64(Int64.max))
    let line =
      "* 4294967295 FETCH (UID 4294967295 RFC822.SIZE 9223372036854775807 "
      + "MODSEQ (9223372036854775807))\r\n"
    #expect(responses(line) == [.fetch(fetch)])
  }

  @Test("nesting", arguments: [(64, true), (65, false), (100_000, false)])
  func nesting(_ depth: Int, _ isAllowed: Bool) {
    let lists = String(repeating: "(", count: depth) + String(repeating: ")", count: depth)
    #expect(
      (ReadResult(Array("* 1 FETCH (X \(lists) UID 2)\r\n".utf8)).failure == nil) == isAllowed)
  }
}
