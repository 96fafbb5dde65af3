import Testing

@testable import mboxsync

/// A name server's answer, made for the tests.
private struct Answer {
  var bytes: [UInt8]

  /// - Parameter records: type, numbers, and the name that follows.
  init(
    _ question: String, records: [(type: UInt16, numbers: [UInt16], target: String)],
    flags: UInt16 = 0x8180, countClaimed: UInt16? = nil
  ) {
    bytes = []
    let count = countClaimed ?? UInt16(records.count)
    for number: UInt16 in [0x1234, flags, 1, count, 0, 0] { put(number) }
    put(name: question)
    put(records.first?.type ?? 33)
    put(1)
    for record in records {
      put(0xc00c)
      put(record.type)
      for number: UInt16 in [1, 0, 60] { put(number) }
      let data = Answer.encoded(record.target)
      put(UInt16(2 * record.numbers.count + data.count))
      for number in record.numbers { put(number) }
      bytes += data
    }
  }

  private mutating func put(_ number: UInt16) {
    bytes += [UInt8(number >> 8), UInt8(number & 0xff)]
  }

  private mutating func put(name: String) { bytes += Answer.encoded(name) }

  private static func encoded(_ name: String) -> [UInt8] {
    name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
  }
}

@Suite("Finding the server of an address") struct ServerFinderTests {
  private static func finder(
    _ answers: [String: [(type: UInt16, numbers: [UInt16], target: String)]],
    listening: Set<String> = []
  ) -> ServerFinder {
    ServerFinder(
      names: NameService(
        ask: { name, kind in
          guard let records = answers["\(kind) \(name)"] else { return [] }
          return Answer(name, records: records).bytes
        }, listens: { host, port in listening.contains("\(host):\(port)") }))
  }

  private static let service = "service _imaps._tcp.example.org"

  @Test("a service record with the best priority, then weight")
  func service() throws {
    let finder = ServerFinderTests.finder([
      ServerFinderTests.service: [
        (33, [10, 99, 993], "backup.example.org"), (33, [0, 1, 993], "light.example.org"),
        (33, [0, 5, 4993], "Mail.example.org"),
      ]
    ])
    let found = try #require(finder.find(domain: "Example.org"))
    #expect(found.url == "imaps://mail.example.org:4993")
    #expect(found.isVouchedFor && found.how.contains("_imaps._tcp.example.org"))
  }

  @Test("a domain with letters beyond ASCII, whose records have none")
  func international() throws {
    let finder = ServerFinderTests.finder([
      "service _imaps._tcp.xn--bcher-kva.example": [
        (33, [0, 1, 993], "mail.xn--bcher-kva.example")
      ]
    ])
    let found = try #require(finder.find(domain: "Bücher.example"))
    #expect(found.url == "imaps://mail.xn--bcher-kva.example" && found.isVouchedFor)
  }

  @Test("STARTTLS only where there is nothing better, and a dot for no such service")
  func startTLS() throws {
    let starttls = "service _imap._tcp.example.org"
    let record: (UInt16, [UInt16], String) = (33, [0, 1, 143], "mail.example.org")
    #expect(
      ServerFinderTests.finder([starttls: [record]]).find(domain: "example.org")?.url
        == "imap://mail.example.org")
    let none: (UInt16, [UInt16], String) = (33, [0, 0, 0], "")
    #expect(
      ServerFinderTests.finder([ServerFinderTests.service: [none], starttls: [record]])
        .find(domain: "example.org")?.url == "imap://mail.example.org")
  }

  @Test("a host of another domain is not vouched for, a provider's is")
  func foreign() throws {
    let foreign = ServerFinderTests.finder([
      ServerFinderTests.service: [(33, [0, 1, 993], "mail.notexample.org")]
    ])
    #expect(foreign.find(domain: "example.org")?.isVouchedFor == false)
    let gmail = ServerFinderTests.finder([
      ServerFinderTests.service: [(33, [0, 1, 993], "imap.gmail.com")]
    ])
    let found = try #require(gmail.find(domain: "example.org"))
    #expect(found.isVouchedFor && found.provider?.name == "Gmail")
  }

  @Test(
    "who takes the mail tells the provider",
    arguments: [
      ("example-org.mail.protection.outlook.com", "imaps://outlook.office365.com"),
      ("aspmx.l.google.com", "imaps://imap.gmail.com"),
    ])
  func mailExchanger(_ host: String, _ url: String) {
    let finder = ServerFinderTests.finder(["mailExchanger example.org": [(15, [10], host)]])
    #expect(finder.find(domain: "example.org")?.url == url)
  }

  @Test("the usual names, where somebody listens")
  func usualNames() {
    let finder = ServerFinderTests.finder([:], listening: ["mail.example.org:993"])
    #expect(finder.find(domain: "example.org")?.url == "imaps://mail.example.org")
    #expect(ServerFinderTests.finder([:]).find(domain: "example.org") == nil)
    #expect(
      ServerFinderTests.finder([:]).find(domain: "outlook.com")?.url
        == "imaps://outlook.office365.com")
  }

  @Test("bytes from the network that are cut, changed or made up end in no trap")
  func hostile() {
    let whole = Answer(
      "_imaps._tcp.example.org",
      records: [(33, [0, 1, 993], "mail.example.org"), (33, [1, 1, 993], "b.example.org")]
    ).bytes
    #expect(DNSAnswer(whole).services.count == 2)
    for length in whole.indices { #expect(DNSAnswer(Array(whole[..<length])).services.count < 2) }
    for index in whole.indices {
      for value: UInt8 in [0, 1, 0x3f, 0x40, 0x80, 0xc0, 0xff] {
        var bytes = whole
        bytes[index] = value
        #expect(DNSAnswer(bytes).services.count <= 2)
      }
    }
    // A pointer to itself, and one forwards.
    for target: UInt8 in [12, 30] {
      let loop =
        Array(whole[..<12]) + [0xc0, target, 0, 33, 0, 1] + [UInt8](repeating: 0, count: 40)
      #expect(DNSAnswer(loop).services.isEmpty)
    }
    let many = Answer("x.org", records: [(33, [0, 1, 993], "a.x.org")], countClaimed: 65535)
    #expect(DNSAnswer(many.bytes).services.count == 1)
    let failed = Answer("x.org", records: [(33, [0, 1, 993], "a.x.org")], flags: 0x8183)
    #expect(DNSAnswer(failed.bytes).services.isEmpty)
    let control = Answer("x.org", records: [(33, [0, 1, 993], "a\u{1b}[2J.x.org")])
    #expect(DNSAnswer(control.bytes).services.isEmpty)
  }
}
