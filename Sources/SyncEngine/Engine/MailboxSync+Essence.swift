import IMAPClient

/// Messages that another program changed when it copied them from one side to the other: design.md §3, 4.
///
/// Only where both sides have messages that nothing else has matched. A Maildir's headers are read for that;
/// a server's only of those whose sizes are what such a program would have made of one of the others.
extension MailboxSync {
  /// Headers held in memory at a time.
  private static let headersAtATime = 500

  func matchByEssence(
    _ candidates: Both<[Pairing.Candidate]>, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) -> [Pairing.Match] {
    var kin = Both { side in candidates[side].compactMap { self.kin($0, on: side) } }
    guard !kin.left.isEmpty, !kin.right.isEmpty else { return [] }
    for side in Side.allCases where traits[side].hasCheapContents {
      try readHeaders(of: Array(kin[side].indices), &kin, side, endpoints[side])
    }
    let wanted = Pairing.wanted(kin)
    guard !wanted.left.isEmpty, !wanted.right.isEmpty else { return [] }
    for side in Side.allCases where !traits[side].hasCheapContents {
      try readHeaders(of: wanted[side], &kin, side, endpoints[side])
    }
    kin = Both { side in wanted[side].map { kin[side][$0] } }
    let undecided = Pairing.undecided(kin)
    for side in Side.allCases where !undecided[side].isEmpty {
      try readBodies(of: undecided[side], &kin, side, endpoints[side])
    }
    return Pairing.matchByEssence(&kin)
  }

  /// Stubs are no copies; they are known by what they stand for.
  private func kin(_ candidate: Pairing.Candidate, on side: Side) -> Pairing.Kin? {
    guard candidate.handle != nil, let size = candidate.size, size > 0,
      work[candidate.index].stub == nil
    else { return nil }
    let details = work[candidate.index].item.sides[side].seen?.details
    return Pairing.Kin(candidate, size: size, isHandled: details?.isHandled ?? false)
  }

  private func readHeaders(
    of indices: [Int], _ kin: inout Both<[Pairing.Kin]>, _ side: Side, _ endpoint: any Endpoint
  ) throws(SideFailure) {
    var rest = indices[...]
    while !rest.isEmpty {
      let piece = rest.prefix(MailboxSync.headersAtATime)
      rest = rest.dropFirst(piece.count)
      let handles = piece.compactMap { kin[side][$0].candidate.handle }
      let headers = try on(side) { () throws(EndpointError) in
        try select(side, endpoint)
        return try endpoint.headers(of: handles)
      }
      for index in piece {
        let candidate = kin[side][index].candidate
        guard let header = candidate.handle.flatMap({ headers[$0] }), let size = candidate.size,
          let shape = EssenceHasher.shape(header: header, size: size)
        else { continue }
        kin[side][index].learn(shape)
        guard candidate.content == nil else { continue }
        var hasher = ContentHasher()
        header.withUnsafeBytes { hasher.update($0) }
        if let content = hasher.finishHeader(messageSize: size) {
          remember(content, of: candidate.index, on: side)
        }
      }
    }
  }

  private func readBodies(
    of indices: [Int], _ kin: inout Both<[Pairing.Kin]>, _ side: Side, _ endpoint: any Endpoint
  ) throws(SideFailure) {
    let sink = BodySink()
    try on(side) { () throws(EndpointError) in
      try select(side, endpoint)
      try endpoint.fetch(indices.compactMap { kin[side][$0].candidate.handle }, into: sink)
    }
    for index in indices {
      let candidate = kin[side][index].candidate
      guard let read = candidate.handle.flatMap({ sink.read[$0] }) else { continue }
      kin[side][index].shape?.essence.body = read.body
      if candidate.content == nil { remember(read.content, of: candidate.index, on: side) }
    }
  }
}

/// Digests messages whose headers don't tell enough.
private final class BodySink: MessageSink {
  private(set) var read: [MessageHandle: (body: GlobalUID?, content: ContentID)] = [:]
  private var handle: MessageHandle?
  private var essence = EssenceReader()
  private var content = ContentHasher()

  var wantedForm: MessageForm { .wire }

  func begin(_ handle: MessageHandle, size: UInt64, form: MessageForm) throws(EndpointError) {
    self.handle = handle
    essence = EssenceReader()
    content = ContentHasher()
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(EndpointError) {
    essence.update(bytes)
    content.update(bytes)
  }

  func end() throws(EndpointError) {
    if let handle { read[handle] = (essence.finish()?.body, content.finish()) }
    handle = nil
  }

  func missing(_ handle: MessageHandle, why: String?) throws(EndpointError) {}
}
