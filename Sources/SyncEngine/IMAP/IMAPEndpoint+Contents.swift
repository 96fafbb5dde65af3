import IMAPClient

extension IMAPEndpoint {
  func contents(of handles: [MessageHandle]) throws(EndpointError) -> [MessageHandle: ContentID] {
    guard let openMailbox else { throw noneOpen() }
    guard observer.mailbox?.name != openMailbox else {
      _ = try selectOpen()
      return try selectedContents(of: handles)
    }
    return try selectedContents(of: handles, behind: try sendSelect(openMailbox, .plain))
  }

  /// The same for the mailbox that is selected, whether it is the opened one or not.
  ///
  /// - Parameter select: it is being selected.
  func selectedContents(
    of handles: [MessageHandle], behind select: Tag? = nil
  ) throws(EndpointError) -> [MessageHandle: ContentID] {
    observer.begin()
    let uids = UIDSet(handles.compactMap(\.uid))
    var contents: [MessageHandle: ContentID] = [:]
    var undecided: Set<UID> = []
    observer.onHeader = { response, header in
      guard let uid = response.uid, uids.contains(uid) else { return }
      var hasher = ContentHasher()
      header.withUnsafeBytes { hasher.update($0) }
      if let size = response.size, let content = hasher.finishHeader(messageSize: size) {
        contents[.uid(uid)] = content
      } else {
        undecided.insert(uid)
      }
    }
    defer { observer.onHeader = nil }
    let items = ["UID", "RFC822.SIZE", "BODY.PEEK[HEADER]"]
    var commands = uids.pieces(limit: 1000).map { Command.fetch($0, items) }
    if let select { try finishSelect(select, followedBy: &commands, to: "show headers") }
    try pipeline(commands, to: "show headers")
    observer.onHeader = nil
    // A header that tells nothing: the whole message has to be looked at (design: Global UIDs).
    let sink = HashingSink()
    try MessageFetch(self, sink).run(undecided.sorted().map { .uid($0) })
    return contents.merging(sink.contents) { $1 }
  }

  /// The first of the commands goes out together with SELECT; what it brings counts only if that does what it should.
  private func finishSelect(
    _ select: Tag, followedBy commands: inout [Command], to action: String
  ) throws(EndpointError) {
    let first = commands.isEmpty ? nil : try send(commands.removeFirst())
    do throws(EndpointError) {
      guard isExpected(try finishSelect(select)) else { throw replaced() }
    } catch {
      // What still comes must not be taken for what is asked next.
      if let first, error.scope == .mailbox { _ = try wait(first) }
      throw error
    }
    guard let first else { return }
    if let error = refusal(try wait(first), to: action) { throw EndpointError(error) }
  }

  /// Those of the opened mailbox's messages whose headers are plain ASCII.
  func withPlainHeaders(_ uids: UIDSet) throws(EndpointError) -> [UID] {
    _ = try selectOpen()
    observer.begin()
    var plain: [UID] = []
    observer.onHeader = { response, header in
      guard let uid = response.uid, uids.contains(uid) else { return }
      if header.allSatisfy({ $0 < 0x80 }) { plain.append(uid) }
    }
    defer { observer.onHeader = nil }
    try pipeline(
      uids.pieces().map { .fetch($0, ["UID", "BODY.PEEK[HEADER]"]) }, to: "show headers")
    return plain
  }
}

extension IMAPEndpoint {
  func headers(of handles: [MessageHandle]) throws(EndpointError) -> [MessageHandle: [UInt8]] {
    _ = try selectOpen()
    observer.begin()
    let uids = UIDSet(handles.compactMap(\.uid))
    let limit = StubMessage.headerLimit
    var headers: [MessageHandle: [UInt8]] = [:]
    observer.onHeader = { response, header in
      guard let uid = response.uid, uids.contains(uid), !header.isEmpty else { return }
      headers[.uid(uid)] = Array(header.prefix(limit))
    }
    let items = ["UID", "BODY.PEEK[HEADER]<0.\(limit)>"]
    try pipeline(uids.pieces(limit: 1000).map { .fetch($0, items) }, to: "show headers")
    observer.onHeader = nil
    return headers
  }
}

/// Computes the identities of whole messages, and keeps nothing else of them.
private final class HashingSink: MessageSink {
  private(set) var contents: [MessageHandle: ContentID] = [:]
  private var hasher = ContentHasher()
  private var handle: MessageHandle?

  var wantedForm: MessageForm { .wire }

  func begin(_ handle: MessageHandle, size: UInt64, form: MessageForm) throws(EndpointError) {
    hasher = ContentHasher()
    self.handle = handle
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(EndpointError) { hasher.update(bytes) }

  func end() throws(EndpointError) {
    if let handle { contents[handle] = hasher.finish() }
    handle = nil
  }

  func missing(_ handle: MessageHandle, why: String?) throws(EndpointError) {}
}
