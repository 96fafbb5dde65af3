import CLinux
import Glibc
import IMAPClient

extension MaildirFolder {
  func describe(_ uids: UIDSet) throws(EndpointError) -> [ObservedMessage] {
    try ready()
    return present(uids).compactMap { uid in
      guard let index = fileIndex(of: uid) else { return nil }
      return adding(
        details: index, to: ObservedMessage(handle: .uid(uid), flags: flags(ofFileAt: index)))
    }
  }

  /// Where the folder was only selected, it is read now.
  private func ready() throws(EndpointError) {
    if scanTimes == nil { try withLock { _ throws(EndpointError) in try refresh() } }
  }

  func contents(
    of handles: [MessageHandle]
  ) throws(EndpointError) -> [MessageHandle: ContentID] {
    try ready()
    var result: [MessageHandle: ContentID] = [:]
    for handle in handles {
      guard let index = fileIndex(toRead: handle) else { continue }
      do throws(SystemError) {
        result[handle] = try content(ofFileAt: index)
      } catch {
        // One that can't be read is found out when it is fetched.
        continue
      }
    }
    return result
  }

  private func content(ofFileAt index: Int) throws(SystemError) -> ContentID {
    var reader = MessageReader(try openFile(at: index))
    let size = notedWireSize(ofFileAt: index, try reader.status())
    var hasher = ContentHasher()
    var count: UInt64 = 0
    while let piece = try reader.next(.wire) {
      count += UInt64(piece.count)
      piece.withUnsafeBytes { hasher.update($0) }
      // The header has passed and says who the message is: the size is all that is still wanted.
      if let size, count < size, hasher.isHeaderComplete, !hasher.needsWholeMessage,
        let content = hasher.finishHeader(messageSize: size)
      {
        return content
      }
    }
    return hasher.finish()
  }

  func headers(
    of handles: [MessageHandle]
  ) throws(EndpointError) -> [MessageHandle: [UInt8]] {
    try ready()
    var result: [MessageHandle: [UInt8]] = [:]
    for handle in handles {
      guard let index = fileIndex(toRead: handle) else { continue }
      do throws(SystemError) {
        result[handle] = try header(ofFileAt: index)
      } catch {
        // Found out when it is fetched.
        continue
      }
    }
    return result
  }

  /// `nil` where the file is no message as it lies there.
  private func header(ofFileAt index: Int) throws(SystemError) -> [UInt8]? {
    var reader = MessageReader(try openFile(at: index))
    let limit = StubMessage.headerLimit
    var header: [UInt8] = []
    while header.count < limit, let piece = try reader.next(.wire) {
      if header.isEmpty, MessageReader.foreignForm(piece) != nil { return nil }
      // The piece before may have ended within the end of the header.
      let start = max(0, header.count - 3)
      header += piece
      if let end = MessageReader.headerEnd(header[start...], isStart: start == 0) {
        return Array(header[..<min(end, limit)])
      }
    }
    return Array(header.prefix(limit))
  }

  func parts(
    of handles: [MessageHandle], textLimit: Int
  ) throws(EndpointError) -> [MessageHandle: [MessagePart]] {
    try ready()
    var result: [MessageHandle: [MessagePart]] = [:]
    for handle in handles {
      guard let index = fileIndex(toRead: handle) else { continue }
      do throws(SystemError) {
        var reader = MessageReader(try openFile(at: index))
        var scanner = PartScanner(textLimit: textLimit)
        while let piece = try reader.next(.wire) { scanner.update(piece) }
        result[handle] = scanner.finish()
      } catch {
        // Found out when it is fetched.
        continue
      }
    }
    return result
  }

  // MARK: Whole messages

  func fetch(_ handles: [MessageHandle], into sink: any MessageSink) throws(EndpointError) {
    try ready()
    for handle in handles {
      guard let index = fileIndex(toRead: handle) else {
        try sink.missing(handle, why: nil)
        continue
      }
      if let why = try send(handle, index, to: sink) {
        try sink.missing(handle, why: why.isEmpty ? nil : why)
      }
    }
  }

  /// - Returns: why the message can't be sent, empty if it is gone; `nil` after it was sent.
  private func send(
    _ handle: MessageHandle, _ index: Int, to sink: any MessageSink
  ) throws(EndpointError) -> String? {
    let form = sink.wantedForm
    var outgoing: OutgoingMessage
    do throws(SystemError) {
      outgoing = try .open(openFile(at: index), form: form) { status in
        countedWireSize(ofFileAt: index, status)
      }
    } catch {
      return error.isMissing ? "" : error.endpointError(name(ofFileAt: index)).message
    }
    if let why = outgoing.foreignForm { return why }
    try sink.begin(handle, size: outgoing.size, form: form)
    var sent: UInt64 = 0
    while true {
      let piece: ArraySlice<UInt8>?
      do throws(SystemError) { piece = try outgoing.next() } catch {
        throw error.endpointError("can't read \(name(ofFileAt: index))")
      }
      guard let piece else { break }
      sent += UInt64(piece.count)
      guard sent <= outgoing.size else { break }
      try write(piece, to: sink)
    }
    guard sent == outgoing.size else {
      throw EndpointError(
        .mailbox, .unreadable, "\(name(ofFileAt: index)) changed while it was read",
        advice: "sync again")
    }
    try sink.end()
    return nil
  }

  private func write(
    _ piece: ArraySlice<UInt8>, to sink: any MessageSink
  ) throws(EndpointError) {
    var failure: EndpointError?
    piece.withUnsafeBytes { bytes in
      do throws(EndpointError) { try sink.write(bytes) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  private func name(ofFileAt index: Int) -> String {
    let part = files.entries[index].isInNew ? "new" : "cur"
    return "\(path)/\(part)/\(String(decoding: files.name(at: index), as: UTF8.self))"
  }
}

/// A message file about to be sent: its size is known before its first byte goes out.
private struct OutgoingMessage: ~Copyable {
  private var reader: MessageReader
  private let form: MessageForm
  private var first: ArraySlice<UInt8>?
  let size: UInt64
  /// Why it is no message.
  let foreignForm: String?

  private init(
    _ reader: consuming MessageReader, _ form: MessageForm, whole: ArraySlice<UInt8>?, size: UInt64,
    foreignForm: String?
  ) {
    self.reader = reader
    self.form = form
    first = whole
    self.size = size
    self.foreignForm = foreignForm
  }

  /// - Parameter wireSize: in CRLF form, if it is known; what proves wrong is no worse than a file that changes.
  static func open(
    _ file: consuming OpenFile, form: MessageForm, wireSize: (stat) -> UInt64?
  ) throws(SystemError) -> OutgoingMessage {
    var reader = MessageReader(file)
    let status = try reader.status()
    let length = UInt64(clamping: status.st_size)
    let start = try reader.next(.stored) ?? []
    let foreignForm = MessageReader.foreignForm(start)
    var whole: ArraySlice<UInt8>?
    var size = length
    if UInt64(start.count) == length {
      // Small: one reading is enough.
      whole = start
      if form == .wire {
        var ends = LineEnds()
        var converted: [UInt8] = []
        ends.appendWire(start, to: &converted)
        whole = converted[...]
        size = UInt64(converted.count)
      }
    } else {
      if form == .wire {
        if let known = wireSize(status) { size = known } else { size = try reader.wireSize() }
      }
      try reader.rewind()
    }
    return OutgoingMessage(reader, form, whole: whole, size: size, foreignForm: foreignForm)
  }

  mutating func next() throws(SystemError) -> ArraySlice<UInt8>? {
    if let whole = first {
      first = []
      return whole.isEmpty ? nil : whole
    }
    return try reader.next(form)
  }
}
