import IMAPClient
import Testing

/// What came out of a reader; consecutive pieces of a body are one.
enum ReadEvent: Hashable {
  case response(Response)
  case bodyBegins(FetchResponse, size: UInt64)
  case bodyBytes([UInt8])
  case bodyEnds

  init(_ event: WireEvent) {
    switch event {
    case .response(let response): self = .response(response)
    case .bodyBegins(let response, let size): self = .bodyBegins(response, size: size)
    case .bodyBytes(let bytes): self = .bodyBytes(Array(bytes))
    case .bodyEnds: self = .bodyEnds
    }
  }
}

/// A reader's answer to some bytes.
struct ReadResult: Hashable {
  var events: [ReadEvent] = []
  var failure: String?

  /// - Parameter cuts: ascending; where the bytes are divided.
  init(_ bytes: [UInt8], cuts: some Sequence<Int> = [], limits: WireLimits = .standard) {
    var reader = ResponseReader(limits: limits)
    var start = 0
    for cut in Array(cuts) + [bytes.count] where failure == nil {
      feed(Array(bytes[start..<cut]), to: &reader)
      start = cut
    }
  }

  private mutating func feed(_ piece: [UInt8], to reader: inout ResponseReader) {
    var found: [ReadEvent] = []
    do throws(ParseError) {
      try piece.withBytes { (bytes) throws(ParseError) in
        try reader.feed(bytes) { found.append(ReadEvent($0)) }
      }
    } catch {
      failure = error.message
    }
    for event in found { append(event) }
  }

  private mutating func append(_ event: ReadEvent) {
    if case .bodyBytes(let more) = event, case .bodyBytes(let bytes)? = events.last {
      events[events.count - 1] = .bodyBytes(bytes + more)
    } else {
      events.append(event)
    }
  }

  var responses: [Response] {
    events.compactMap { if case .response(let response) = $0 { response } else { nil } }
  }
}

/// Bytes with what they mean.
struct WireRow: Sendable, CustomTestStringConvertible {
  var input: [UInt8]
  var expected: [Response]

  /// - Parameter input: lines without their ends; a literal's octets follow its line.
  init(_ input: String, _ expected: Response...) {
    self.init(bytes: Array(input.wireLines.utf8), expected)
  }

  init(bytes: [UInt8], _ expected: [Response]) {
    self.input = bytes
    self.expected = expected
  }

  var testDescription: String { String(decoding: input.prefix(70), as: UTF8.self) }
}

extension String {
  /// The text with CRLF as line ends, and one at the end.
  var wireLines: String {
    split(separator: "\n", omittingEmptySubsequences: false).map { "\($0)\r\n" }.joined()
  }
}

func uid(_ number: UInt32) -> UID { UID(number) ?? .last }

func uids(_ ranges: ClosedRange<UInt32>...) -> UIDSet {
  UIDSet(ranges: ranges.map { uid($0.lowerBound)...uid($0.upperBound) })
}

func validity(_ number: UInt32) -> UIDValidity? { UIDValidity(number) }

extension Response {
  static func ok(_ code: ResponseCode? = nil, _ text: String = "") -> Response {
    .status(StatusResponse(.ok, code: code, text: Array(text.utf8)))
  }

  static func answer(
    _ tag: UInt32, _ condition: StatusResponse.Condition = .ok, _ code: ResponseCode? = nil,
    _ text: String = ""
  ) -> Response {
    .tagged(Tag(tag), StatusResponse(condition, code: code, text: Array(text.utf8)))
  }

  static func fetch(_ number: UInt32, _ change: (inout FetchResponse) -> Void) -> Response {
    var response = FetchResponse(sequenceNumber: number)
    change(&response)
    return .fetch(response)
  }

  static func list(
    _ attributes: [String], _ separator: Character?, _ mailbox: String, isSubscription: Bool = false
  ) -> Response {
    .list(
      ListResponse(
        attributes: attributes, separator: separator?.asciiValue, mailbox: Array(mailbox.utf8),
        isSubscription: isSubscription))
  }

  static func mailboxStatus(
    _ mailbox: String, _ change: (inout MailboxStatus) -> Void
  ) -> Response {
    var status = MailboxStatus()
    change(&status)
    return .mailboxStatus(mailbox: Array(mailbox.utf8), status)
  }

  static func esearch(_ change: (inout ESearchResponse) -> Void) -> Response {
    var response = ESearchResponse()
    change(&response)
    return .esearch(response)
  }

  static func capabilities(_ names: String...) -> Response {
    .capability(names.map { Capability($0) })
  }
}
