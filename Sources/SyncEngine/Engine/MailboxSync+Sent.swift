import IMAPClient

/// What a run that died had sent to a server, and the server altered: its content does not tell any more that it is what
/// lies on the other side.
extension MailboxSync {
  /// A message that a run meant to save, and one that has come since and may be it, have this in common.
  private struct Trace: Hashable {
    var date: InternalDate
    var core: GlobalUID
  }

  /// What is known of such a message.
  private struct Track {
    var candidate: Pairing.Candidate
    var trace: Trace
    /// Of those with the same trace, the ones with this in common are one message, as far as anybody can tell.
    var form: ContentID
    var isPassedOn: Bool
  }

  /// By what such a run has noted of what it meant to send: the received date, which it gave to the second, and by what
  /// such servers leave alone of headers (``EssenceHasher/core(ofHeader:)``).
  ///
  /// - Parameter candidates: what nothing else has matched; it loses what is matched.
  func matchBySending(
    _ candidates: inout Both<[Pairing.Candidate]>, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) -> [Pairing.Match] {
    // None of them is anything but what was sent.
    let sentAnew = self.sentAnew
    for side in Side.allCases where !sentAnew[side].isEmpty { candidates[side] += sentAnew[side] }
    defer {
      for side in Side.allCases where !sentAnew[side].isEmpty {
        let indices = Set(sentAnew[side].map(\.index))
        candidates[side].removeAll { indices.contains($0.index) }
      }
    }
    var matches: [Pairing.Match] = []
    for side in Side.allCases {
      let intents = leftIntents[side].filter { $0.original == nil }
      guard !intents.isEmpty else { continue }
      let sent = self.sent(intents, candidates[side.other])
      let arrived = self.arrived(intents, candidates[side])
      let dates = Set(sent.compactMap(\.date)).intersection(arrived.compactMap(\.date))
      guard !dates.isEmpty else { continue }
      let tracks = try [(side.other, sent), (side, arrived)].map { side, some throws(SideFailure) in
        try readTracks(
          of: some.filter { $0.date.map(dates.contains) ?? false }, side, endpoints[side])
      }
      let traces = MailboxSync.certain(sent: tracks[0], arrived: tracks[1])
      guard !traces.isEmpty else { continue }
      let found = Pairing.match(&candidates) { traces[$0.index] }
      // What such a run was told and could not say any more.
      let uids = found.compactMap {
        work[side == .left ? $0.left : $0.right].handles[side]?.uid
      }
      if !uids.isEmpty { noteAltered(uids, on: side) }
      matches += found
    }
    return matches
  }

  /// A trace does not tell two messages apart that came in one second and of which one was passed on by a list, say, with
  /// another text. So those are left out that may be one thing as well as another; they come once more. That is
  /// better than to take two for one, of which the other side then never gets the one.
  ///
  /// - Returns: the traces of the others, by their indices.
  private static func certain(sent: [Track], arrived: [Track]) -> [Int: Trace] {
    let arrivals = Dictionary(grouping: arrived, by: \.trace)
    var traces: [Int: Trace] = [:]
    for (trace, sent) in Dictionary(grouping: sent, by: \.trace) {
      // No server that takes a message makes it one that was passed on.
      let mayBePassedOn = sent.contains(where: \.isPassedOn)
      let arrived = (arrivals[trace] ?? []).filter { mayBePassedOn || !$0.isPassedOn }
      let isAnyTheOther = arrived.count <= sent.count || Set(arrived.map(\.form)).count == 1
      guard Set(sent.map(\.form)).count == 1, isAnyTheOther else { continue }
      for track in sent + arrived { traces[track.candidate.index] = trace }
    }
    return traces
  }

  /// Messages that were expunged where such a run was sending: it may have placed them there anew (`conflict = keep`). By the
  /// sides that have them still.
  var sentAnew: Both<[Pairing.Candidate]> {
    Both { side in
      guard policy.conflict == .keep,
        leftIntents[side.other].contains(where: { $0.original == nil })
      else { return [] }
      return work.indices.filter {
        work[$0].item.isKnown && work[$0].stub == nil && work[$0].isVanished(on: side.other)
      }.map { index in
        Pairing.Candidate(
          index: index, handle: work[index].handles[side], size: size(of: index), id: nil,
          content: nil, date: work[index].item.date)
      }
    }
  }

  /// Those of the other side that such a run meant to send.
  private func sent(
    _ intents: [Intent], _ candidates: [Pairing.Candidate]
  ) -> [Pairing.Candidate] {
    let sizes = Dictionary(grouping: intents, by: \.date).mapValues { Set($0.map(\.size)) }
    return candidates.filter { candidate in
      guard work[candidate.index].stub == nil, let date = candidate.date, let size = candidate.size
      else { return false }
      return sizes[date]?.contains(size) ?? false
    }
  }

  /// Those that have come since, and that the base does not know.
  private func arrived(
    _ intents: [Intent], _ candidates: [Pairing.Candidate]
  ) -> [Pairing.Candidate] {
    let lowest = Dictionary(
      intents.map { ($0.date, $0.uidNext) }, uniquingKeysWith: { min($0, $1) })
    return candidates.filter { candidate in
      guard work[candidate.index].stub == nil, !work[candidate.index].item.isKnown,
        let uid = candidate.handle?.uid, let least = candidate.date.flatMap({ lowest[$0] })
      else { return false }
      return uid >= least
    }
  }

  private func readTracks(
    of candidates: [Pairing.Candidate], _ side: Side, _ endpoint: any Endpoint
  ) throws(SideFailure) -> [Track] {
    let headersAtATime = 500
    var tracks: [Track] = []
    for start in stride(from: 0, to: candidates.count, by: headersAtATime) {
      let piece = candidates[start..<min(start + headersAtATime, candidates.count)]
      let headers = try on(side) { () throws(EndpointError) in
        try select(side, endpoint)
        return try endpoint.headers(of: piece.compactMap(\.handle))
      }
      for candidate in piece {
        // A stub has its message's header, and is not the message.
        guard let date = candidate.date, let header = candidate.handle.flatMap({ headers[$0] }),
          StubMark(header: header) == nil, let core = EssenceHasher.core(ofHeader: header)
        else { continue }
        var hash = SHA256()
        hash.update(header)
        let digest = GlobalUID(bytes: hash.finish()) ?? GlobalUID(high: 0, low: 0)
        tracks.append(
          Track(
            candidate: candidate, trace: Trace(date: date, core: core),
            form: ContentID(size: candidate.size ?? 0, digest: digest),
            isPassedOn: EssenceHasher.isPassedOn(header)))
      }
    }
    return tracks
  }
}
