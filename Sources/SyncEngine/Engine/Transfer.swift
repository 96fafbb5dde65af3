import IMAPClient

/// Carries messages from one endpoint to the other in pieces, and computes their identity on the way.
final class Transfer: MessageSink {
  /// A message that has arrived whole at the other end, in the order of the saver's outcomes.
  struct Completed {
    var handle: MessageHandle
    var content: ContentID?
  }

  let wantedForm: MessageForm
  private let saver: any MessageSaver
  private let items: [MessageHandle: SaveItem]
  private let cancellation: Cancellation
  private let progress: (UInt64) -> Void
  private var current: MessageHandle?
  private var hasher: ContentHasherBox?

  private(set) var completed: [Completed] = []
  private(set) var missing: [(handle: MessageHandle, why: String?)] = []
  /// An error of the saving end, by which ``Endpoint/fetch(_:into:)`` was ended.
  private(set) var saverError: EndpointError?

  init(
    saver: any MessageSaver, items: [MessageHandle: SaveItem], form: MessageForm,
    cancellation: Cancellation, progress: @escaping (UInt64) -> Void
  ) {
    self.saver = saver
    self.items = items
    self.cancellation = cancellation
    self.progress = progress
    wantedForm = form
  }

  /// The places among the ``completed`` of those that are to get a higher UID than one that has not come: that one would
  /// find its UID used up. (Several connections don't give messages in order, once one of them is lost.)
  func beyondGap(of items: [MessageHandle: SaveItem]) -> Set<Int> {
    var lacking = items
    for message in completed { lacking[message.handle] = nil }
    for (handle, _) in missing { lacking[handle] = nil }
    guard let gap = lacking.values.compactMap(\.target).min() else { return [] }
    return Set(
      completed.indices.filter { place in
        items[completed[place].handle]?.target.map { $0 > gap } ?? false
      })
  }

  func begin(
    _ handle: MessageHandle, size: UInt64, form: MessageForm
  ) throws(EndpointError) {
    if cancellation.isRequested { throw .interrupted }
    guard let item = items[handle] else {
      throw EndpointError(
        .mailbox, .protocolViolation, "a message came that was not asked for", advice: "try again")
    }
    current = handle
    hasher = form == .wire && !saver.identifies ? ContentHasherBox() : nil
    try guarded { () throws(EndpointError) in try saver.begin(item, size: size, form: form) }
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(EndpointError) {
    hasher?.update(bytes)
    progress(UInt64(bytes.count))
    try guarded { () throws(EndpointError) in try saver.write(bytes) }
  }

  func end() throws(EndpointError) {
    guard let handle = current else { return }
    current = nil
    try guarded { () throws(EndpointError) in try saver.end() }
    completed.append(Completed(handle: handle, content: hasher?.finish() ?? saver.identity))
    hasher = nil
  }

  func missing(_ handle: MessageHandle, why: String?) throws(EndpointError) {
    if current == handle { try abandon() }
    missing.append((handle, why))
  }

  func abandon() throws(EndpointError) {
    guard current != nil else { return }
    current = nil
    hasher = nil
    try guarded { () throws(EndpointError) in try saver.abandon() }
  }

  private func guarded(_ body: () throws(EndpointError) -> Void) throws(EndpointError) {
    do {
      try body()
    } catch {
      saverError = error
      throw error
    }
  }
}

/// A hasher in a class: a noncopyable value can't be taken out of another class's field and put back.
private final class ContentHasherBox {
  private var hasher = ContentHasher()

  func update(_ bytes: UnsafeRawBufferPointer) { hasher.update(bytes) }

  func finish() -> ContentID { hasher.finish() }
}
