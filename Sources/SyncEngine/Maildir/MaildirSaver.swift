import CLinux
import Glibc
import IMAPClient

/// Saves messages to one Maildir folder: each is written to `tmp` and made durable, then all are numbered
/// and put in their place under one lock.
final class MaildirSaver: MessageSaver {
  private let folder: MaildirFolder
  private let tmp: Directory
  private var current: DeliveredMessage?
  private var ended: [DeliveredMessage] = []
  /// Written, still open, and perhaps not on the disk.
  private var unsynced: [DeliveredMessage] = []
  /// Makes the files before those durable, while more are written.
  private var syncing: FileSync?
  private var syncingMessages: [DeliveredMessage] = []
  private(set) var lacking: [UID: FlagSet] = [:]

  /// So many files are written before the first is waited for: the disk then takes them together. Twice as
  /// many are open at a time.
  private static let batch = 64
  /// From here on it is worth the while to ask whether there is room.
  private static let largeSize: UInt64 = 1 << 20

  init(_ folder: MaildirFolder) throws(EndpointError) {
    self.folder = folder
    tmp = try folder.perform("open tmp") { () throws(SystemError) in
      try Directory(MaildirFolder.tmpName, in: folder.directory)
    }
    removeLeftovers()
  }

  /// What programs that died left in `tmp` is removed after 36 hours, as is the custom among Maildirs. A
  /// message's file may have the time of the message: what counts is when it was last touched.
  private func removeLeftovers() {
    var names: [FileName] = []
    try? tmp.forEachName { name, _ in names.append(Array(name)) }
    let limit = folder.surroundings.now() / MaildirSurroundings.second - 36 * 60 * 60
    for name in names {
      guard let status = try? tmp.status(of: name, followsLink: false),
        Int64(status.st_ctim.tv_sec) < limit
      else { continue }
      try? tmp.unlink(name)
    }
  }

  deinit { discard() }

  func begin(_ item: SaveItem, size: UInt64, form: MessageForm) throws(EndpointError) {
    let message = DeliveredMessage(
      item, size: size, form: form, base: folder.surroundings.uniqueBase())
    current = message
    message.attempt { () throws(SystemError) in
      // A disk need not be filled up to know that it is too small.
      if size > MaildirSaver.largeSize, let room = tmp.availableOctets, room < size {
        throw SystemError(code: ENOSPC)
      }
      message.file = OpenBox(try tmp.createFile(message.base))
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(EndpointError) {
    guard let current else { return }
    current.attempt { () throws(SystemError) in try current.write(bytes) }
  }

  func end() throws(EndpointError) {
    guard let message = current else { return }
    current = nil
    message.attempt { () throws(SystemError) in try message.finish() }
    ended.append(message)
    if message.failure != nil {
      remove(message)
      return
    }
    unsynced.append(message)
    if unsynced.count >= MaildirSaver.batch { syncFiles(inBackground: true) }
  }

  func abandon() throws(EndpointError) {
    if let current { remove(current) }
    current = nil
  }

  func commit() throws(EndpointError) -> [PlacementOutcome] {
    syncFiles(inBackground: false)
    finishSync()
    defer { discard() }
    let outcomes = try folder.deliver(ended, from: tmp)
    lacking = [:]
    for (message, outcome) in zip(ended, outcomes) where !message.lacking.isEmpty {
      if case .placed(let uid, _, _) = outcome { lacking[uid] = message.lacking }
    }
    return outcomes
  }

  func commitArrived(
    without withdrawn: Set<Int>
  ) throws(EndpointError) -> [PlacementOutcome] {
    try abandon()
    for place in withdrawn where ended.indices.contains(place) {
      ended[place].attempt { () throws(SystemError) in throw SystemError(code: ECANCELED) }
    }
    return try commit()
  }

  private func syncFiles(inBackground: Bool) {
    finishSync()
    guard !unsynced.isEmpty else { return }
    syncing = FileSync(unsynced.map { $0.file }, in: tmp, inBackground: inBackground)
    syncingMessages = unsynced
    unsynced = []
  }

  private func finishSync() {
    guard let syncing else { return }
    for (message, failure) in zip(syncingMessages, syncing.finish()) {
      if let failure { message.attempt { () throws(SystemError) in throw failure } }
      message.file = nil
      if message.failure != nil { remove(message) }
    }
    self.syncing = nil
    syncingMessages = []
  }

  private func remove(_ message: DeliveredMessage) {
    message.file = nil
    try? tmp.unlink(message.base)
  }

  /// What was not put in its place does not stay.
  private func discard() {
    finishSync()
    if let current { remove(current) }
    for message in ended where !message.isInPlace { remove(message) }
    current = nil
    ended = []
    unsynced = []
  }
}

/// A file in a class, so that it can be kept in arrays and optionals.
final class OpenBox {
  let value: OpenFile

  init(_ value: consuming OpenFile) { self.value = value }
}

/// A message on its way into a folder.
final class DeliveredMessage {
  let item: SaveItem
  let base: FileName
  fileprivate(set) var failure: SystemError?
  fileprivate var file: OpenBox?
  private let size: UInt64
  private let form: MessageForm
  private var received: UInt64 = 0
  private(set) var storedSize: UInt64 = 0
  private(set) var wireSize: UInt64 = 0
  private var lineEnds = LineEnds()
  private var counter = LineEnds()
  private var output: [UInt8] = []
  var isInPlace = false
  /// What there was no room for in the folder.
  var lacking = FlagSet.empty

  init(_ item: SaveItem, size: UInt64, form: MessageForm, base: FileName) {
    self.item = item
    self.size = size
    self.form = form
    self.base = base
  }

  /// The base name that the message gets, with its sizes as Dovecot writes them.
  var finalBase: FileName { base + Array(",S=\(storedSize),W=\(wireSize)".utf8) }

  /// A failure concerns this message alone; what comes of it afterwards is passed over.
  fileprivate func attempt(_ body: () throws(SystemError) -> Void) {
    guard failure == nil else { return }
    do { try body() } catch { failure = error }
  }

  fileprivate func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
    received += UInt64(bytes.count)
    output.removeAll(keepingCapacity: true)
    switch form {
    case .wire: lineEnds.appendStored(bytes, to: &output)
    case .stored: output.append(contentsOf: bytes)
    }
    try flush()
  }

  fileprivate func finish() throws(SystemError) {
    output.removeAll(keepingCapacity: true)
    lineEnds.finishStored(to: &output)
    try flush()
    output = []
    guard received == size else { throw SystemError(code: EBADMSG) }
    try file?.value.setTimes(
      modified: item.date.seconds.multipliedReportingOverflow(by: MaildirSurroundings.second)
        .partialValue)
  }

  private func flush() throws(SystemError) {
    try file?.value.writeAll(output)
    storedSize += UInt64(output.count)
    wireSize += UInt64(counter.wireCount(of: output[...]))
  }

  /// The outcome of a message that could not be written.
  var refusal: PlacementOutcome? {
    failure.map { failure in
      let error = failure.endpointError("can't write the message", scope: .message)
      return .refused(failure.code == EBADMSG ? .other : error.code, error.message)
    }
  }
}
