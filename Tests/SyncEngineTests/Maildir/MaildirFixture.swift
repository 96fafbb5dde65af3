import Foundation
import IMAPClient
import Synchronization
import TestSupport
import Testing

@testable import SyncEngine

typealias Layout = SyncEngine.MaildirLayout

/// A Maildir tree in a temporary directory, the endpoint under test on it, and the files as they are.
final class MaildirFixture {
  let root: String
  let endpoint: MaildirEndpoint
  let layout: Layout?
  let surroundings: MaildirSurroundings
  let keptNames: NamesDirectory?
  /// Of all its endpoints.
  let cancellation = Cancellation()

  init(
    _ directory: TestSupport.TemporaryDirectory, layout: Layout? = nil, name: String = "Mail",
    surroundings: MaildirSurroundings = .machine, keptNames: NamesDirectory? = nil
  ) throws {
    root = directory.path(name)
    self.layout = layout
    self.surroundings = surroundings
    self.keptNames = keptNames
    endpoint = try MaildirFixture.connect(root, layout, surroundings, keptNames, cancellation)
  }

  /// Another endpoint, as another lane or another run has it.
  func another(keepingNames: Bool = true) throws -> MaildirEndpoint {
    try MaildirFixture.connect(
      root, layout, surroundings, keepingNames ? keptNames : nil, cancellation)
  }

  private static func connect(
    _ root: String, _ layout: Layout?, _ surroundings: MaildirSurroundings,
    _ keptNames: NamesDirectory?, _ cancellation: Cancellation
  ) throws -> MaildirEndpoint {
    try MaildirEndpointFactory(
      root: root, layout: layout, connectionLimit: 4, cancellation: cancellation,
      surroundings: surroundings, keptNames: keptNames
    ).makeEndpoint()
  }

  /// INBOX, made, given a UIDVALIDITY and opened.
  func prepare(_ mailbox: MailboxName = .inbox, validity: UInt32 = 77, next: UInt32 = 1) throws {
    try endpoint.create(mailbox, specialUse: nil)
    _ = try endpoint.open(mailbox, OpenRequest())
    try endpoint.adopt(
      try #require(UIDValidity(validity)), uidNext: try #require(UID(next)),
      isServers: false)
    _ = try endpoint.open(mailbox, OpenRequest())
  }

  // MARK: Messages

  func save(_ messages: [(bytes: String, item: SaveItem)], form: MessageForm = .wire) throws
    -> [PlacementOutcome]
  {
    let saver = try endpoint.saver()
    for (text, item) in messages {
      let bytes = Array(text.utf8)
      try saver.begin(item, size: UInt64(bytes.count), form: form)
      try bytes.withUnsafeBytes { try saver.write($0) }
      try saver.end()
    }
    return try saver.commit()
  }

  @discardableResult
  func save(
    _ text: String, flags: FlagSet = .empty, date: Int64 = 1_000_000, guid: GlobalUID? = nil,
    target: UInt32? = nil
  ) throws -> PlacementOutcome {
    let item = SaveItem(
      flags: flags, date: InternalDate(seconds: date), guid: guid,
      target: target.flatMap { UID($0) })
    return try #require(save([(text, item)]).first)
  }

  func open(_ mailbox: MailboxName = .inbox, detailsFrom: UID = .first) throws -> Observation {
    try endpoint.open(mailbox, OpenRequest(detailsFrom: detailsFrom))
  }

  // MARK: Files

  func names(_ path: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "\(root)/\(path)")) ?? []).sorted()
  }

  func text(_ path: String) -> String {
    String(
      decoding: FileManager.default.contents(atPath: "\(root)/\(path)") ?? Data(), as: UTF8.self)
  }

  /// The inode.
  func fileNumber(_ path: String) -> Int? {
    let attributes = try? FileManager.default.attributesOfItem(atPath: "\(root)/\(path)")
    return attributes?[.systemFileNumber] as? Int
  }

  func write(_ text: String, to path: String) throws {
    let file = "\(root)/\(path)"
    try FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
  }

  /// An empty folder, made by someone else.
  func makeFolder(_ path: String) throws {
    for part in ["cur", "new", "tmp"] {
      try FileManager.default.createDirectory(
        atPath: "\(root)/\(path)/\(part)", withIntermediateDirectories: true)
    }
  }

  func rename(_ path: String, to other: String) throws {
    try FileManager.default.moveItem(atPath: "\(root)/\(path)", toPath: "\(root)/\(other)")
  }

  /// - Parameter path: where the first file of `cur` goes, by its name.
  func renameFirst(to path: (String) -> String) throws {
    let name = try #require(names("cur").first)
    try rename("cur/\(name)", to: path(name))
  }

  func remove(_ path: String) throws {
    try FileManager.default.removeItem(atPath: "\(root)/\(path)")
  }
}

extension SyncEngine.Directory {
  /// As if what has changed in it since had done so within one clock tick.
  func setModified(_ nanoseconds: Int64) throws {
    try OpenFile(descriptor: dup(descriptor)).setTimes(modified: nanoseconds)
  }
}

func flags(_ system: SystemFlags = [], _ keywords: String...) -> FlagSet {
  FlagSet(system, keywords: keywords.compactMap { Keyword($0) })
}

func mailbox(_ path: String) throws -> MailboxName { try #require(MailboxName(path: path)) }

extension PlacementOutcome {
  var id: GlobalUID? { if case .placed(_, let id, _) = self { id } else { nil } }
}

extension Observation {
  var unnumbered: [MessageHandle] { messages.map(\.handle).filter { $0.uid == nil } }

  func flags(of number: UInt32) -> FlagSet? {
    messages.first { $0.handle == .uid(uid(number)) }?.flags
  }

  func id(of number: UInt32) -> GlobalUID? {
    messages.first { $0.handle == .uid(uid(number)) }?.details?.id
  }
}

/// Keeps what it is given.
final class FormSink: MessageSink {
  let wantedForm: MessageForm
  var messages: [(handle: MessageHandle, size: UInt64, bytes: [UInt8])] = []
  var missed: [MessageHandle: String?] = [:]

  init(_ form: MessageForm) { wantedForm = form }

  func begin(_ handle: MessageHandle, size: UInt64, form: MessageForm) {
    messages.append((handle, size, []))
  }
  func write(_ bytes: UnsafeRawBufferPointer) { messages[messages.count - 1].bytes += bytes }
  func end() {}
  func missing(_ handle: MessageHandle, why: String?) { missed[handle] = why }
}

/// A clock that only pausing moves, and what happens when it does.
final class TestClock: Sendable {
  private struct State {
    var nanoseconds: Int64 = 0
    var events: [(after: Int64, action: @Sendable () -> Void)] = []
  }
  private let state = Mutex(State())
  private let start: Int64

  init() { start = MaildirSurroundings.machine.now() }

  /// Seconds that were waited.
  var waited: Int64 { state.withLock { $0.nanoseconds } / MaildirSurroundings.second }

  func at(seconds: Int64, _ action: @escaping @Sendable () -> Void) {
    state.withLock { $0.events.append((seconds * MaildirSurroundings.second, action)) }
  }

  func surroundings(alive: @escaping @Sendable (Int32) -> Bool = { _ in true })
    -> MaildirSurroundings
  {
    var result = MaildirSurroundings.machine
    result.now = { [self] in start + state.withLock { $0.nanoseconds } }
    result.uptime = { [self] in state.withLock { $0.nanoseconds } }
    result.pause = { [self] duration in
      let due = state.withLock { state in
        state.nanoseconds += duration
        let now = state.nanoseconds
        let due = state.events.filter { $0.after <= now }
        state.events.removeAll { $0.after <= now }
        return due
      }
      for event in due { event.action() }
    }
    result.isAlive = alive
    return result
  }
}

func uids(_ numbers: UInt32...) -> UIDSet { UIDSet(numbers.compactMap { UID($0) }) }

extension PlacementOutcome {
  var uid: UInt32? { if case .placed(let uid, _, _) = self { uid.rawValue } else { nil } }
}

extension Observation {
  var uids: [UInt32] { messages.compactMap { $0.handle.uid?.rawValue } }
}
