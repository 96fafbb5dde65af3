import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

/// What a server is made to lack.
struct ServerProfileCase: CustomTestStringConvertible, Sendable {
  var name: String
  var disabled: Set<Capability>

  init(_ name: String, _ disabled: String...) {
    self.name = name
    self.disabled = Set(disabled.map { Capability($0) })
  }

  var testDescription: String { name }

  static let all: [ServerProfileCase] = [
    ServerProfileCase("everything"),
    ServerProfileCase("no QRESYNC", "QRESYNC"),
    ServerProfileCase("no CONDSTORE", "QRESYNC", "CONDSTORE", "ENABLE"),
    ServerProfileCase("no UIDPLUS", "UIDPLUS"),
    ServerProfileCase("no MOVE", "MOVE"),
    ServerProfileCase("no LITERAL+", "LITERAL+", "LITERAL-"),
    ServerProfileCase("no MULTIAPPEND", "MULTIAPPEND"),
    ServerProfileCase("no LIST-STATUS", "LIST-STATUS"),
    ServerProfileCase(
      "bare", "QRESYNC", "CONDSTORE", "ENABLE", "UIDPLUS", "MOVE", "MULTIAPPEND", "LITERAL+",
      "LIST-EXTENDED", "LIST-STATUS", "ESEARCH", "NAMESPACE", "ID", "UNSELECT", "SPECIAL-USE",
      "SNIPPET=FUZZY", "COMPRESS=DEFLATE", "SASL-IR"),
  ]
}

/// Runs a test with an endpoint on a Dovecot of its own, and a second endpoint on the same account that
/// has every capability.
func withDovecot(
  _ profile: ServerProfileCase = ServerProfileCase("everything"),
  options: DovecotOptions = DovecotOptions(),
  _ body: (_ endpoint: IMAPEndpoint, _ other: IMAPEndpoint) throws -> Void
) throws {
  try TestSupport.withTemporaryDirectory { directory in
    let program = try DovecotProgram(in: directory, options: options)
    func connect(_ disabled: Set<Capability>) throws -> IMAPEndpoint {
      var configuration = IMAPConfiguration(target: .command(program.command), tls: .none)
      configuration.timeoutSeconds = 20
      configuration.disabledCapabilities = disabled
      return try IMAPEndpointFactory(name: "test", configuration: configuration).connectIMAP()
    }
    let endpoint = try connect(profile.disabled)
    let other = try connect([])
    defer {
      endpoint.disconnect()
      other.disconnect()
    }
    try body(endpoint, other)
  }
}

func testMessage(_ number: Int, size: Int = 0, hasID: Bool = true) -> [UInt8] {
  let id = hasID ? "Message-ID: <\(number)@test>\r\n" : ""
  let body = size == 0 ? "text \(number)\r\n" : String(repeating: "line \(number)\r\n", count: size)
  return Array("\(id)Subject: number \(number)\r\n\r\n\(body)".utf8)
}

/// Keeps what a fetch gives.
final class FetchedMessages: MessageSink {
  var wantedForm: MessageForm { .wire }
  var messages: [(handle: MessageHandle, bytes: [UInt8])] = []
  var missing: [MessageHandle] = []
  var abandoned: [MessageHandle] = []
  private var current: (handle: MessageHandle, size: UInt64, bytes: [UInt8])?

  func begin(_ handle: MessageHandle, size: UInt64, form: MessageForm) throws(EndpointError) {
    current = (handle, size, [])
  }
  func write(_ bytes: UnsafeRawBufferPointer) throws(EndpointError) {
    current?.bytes.append(contentsOf: bytes)
  }
  func end() throws(EndpointError) {
    guard let current else { return }
    #expect(UInt64(current.bytes.count) == current.size)
    messages.append((current.handle, current.bytes))
    self.current = nil
  }
  func missing(_ handle: MessageHandle, why: String?) throws(EndpointError) {
    missing.append(handle)
  }
  func abandon() throws(EndpointError) {
    if let current { abandoned.append(current.handle) }
    current = nil
  }
}

extension IMAPEndpoint {
  /// Saves messages to the opened mailbox.
  @discardableResult
  func save(
    _ texts: [[UInt8]], flags: FlagSet = .empty, date: Int64 = 1_600_000_000
  ) throws(EndpointError) -> [PlacementOutcome] {
    let saver = try saver()
    for text in texts {
      let item = SaveItem(flags: flags, date: InternalDate(seconds: date))
      try saver.begin(item, size: UInt64(text.count), form: .wire)
      try text.withBytes { (bytes) throws(EndpointError) in try saver.write(bytes) }
      try saver.end()
    }
    return try saver.commit()
  }

  func text(of uid: UInt32) throws -> [UInt8] {
    let sink = FetchedMessages()
    try fetch([.uid(try #require(UID(uid)))], into: sink)
    return try #require(sink.messages.first).bytes
  }
}

extension PlacementOutcome {
  var placedUID: UInt32? { if case .placed(let uid, _, _) = self { uid.rawValue } else { nil } }
}

func uidSet(_ numbers: UInt32...) -> UIDSet { UIDSet(numbers.compactMap { UID($0) }) }

extension Observation {
  var shownUIDs: [UInt32] { messages.compactMap { $0.handle.uid?.rawValue } }

  func shownFlags(_ uid: UInt32) -> FlagSet? {
    messages.first { $0.handle.uid?.rawValue == uid }?.flags
  }
}

extension MailboxName {
  static func named(_ path: String) -> MailboxName { MailboxName(path: path) ?? .inbox }
}
