import IMAPClient

/// Step 5: every message comes to lie on both sides, in `mirror` under the same UID.
extension MailboxSync {
  /// One message to be given a place on one side.
  struct Job {
    enum Kind: Hashable {
      case save
      /// A stub instead of the message.
      case stub
      case copy(from: MailboxName, moving: Bool)
      case renumber
    }

    var index: Int
    var kind: Kind
    /// The UID it is to get, where the side chooses them.
    var target: UID?
  }

  func place(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    do {
      try recordSettled()
      try placeAll(endpoints)
      try placeLater(endpoints)
      try giveBackIDs(endpoints)
    } catch {
      if error.error.scope != .side { try takeBackIntents(after: error, endpoints) }
      throw error
    }
  }

  /// A Maildir that has its numbers back gets its id back, too: by that it is known where it is renamed. If it refused
  /// some, or is not to get them in this run, they are missing to another pair for good.
  private func giveBackIDs(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    for side in Side.allCases {
      guard let id = idBefore[side] else { continue }
      idBefore[side] = nil
      let isLacking =
        !allows(.new, on: side) || !givenUp[side.other].isEmpty || !pending[side.other].isEmpty
      guard !isLacking else { continue }
      record.mailboxIDs[side] = try on(side) { () throws(EndpointError) in
        try select(side, endpoints[side])
        return try endpoints[side].setID(id)
      }
      changed[side] = true
      let record = self.record
      storedRecord = record
      try stateAccess { () throws(StateError) in try commit([.putMailbox(record)]) }
    }
  }

  /// What fails meanwhile does not hide what failed before. (Intents that stay cost the next run some time.)
  private func takeBackIntents(
    after refusal: SideFailure, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    do {
      try takeBackIntents(endpoints)
    } catch {
      guard error.error.scope == .side else { return }
      noteFailure(refusal)
      throw error
    }
  }

  func placeAll(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    // A stub and the message in its place are only told from a copy that somebody made by what was recorded before.
    if work.contains(where: { $0.stubDetails?.replaced != nil }) { try settleRecords() }
    // Found to be the same on both sides, or found again under another UID.
    try recordPlaced(work.indices.filter { isOnBothSides($0) })
    try replaceStubs(of: Array(work.indices), endpoints)
    if sharesUIDs {
      do {
        try placeMirrored(endpoints)
      } catch let failure where failure.error.code == .cannotRenumber {
        fallBack(failure.error.message, advice: failure.error.advice)
        // What was placed on one side before, for the sake of the other, lies on both.
        try recordPlaced(work.indices.filter { isOnBothSides($0) })
      }
    }
    if !sharesUIDs {
      try unsettle()
      try placeMapped(endpoints)
    }
    try clearIntents()
    settleClaims()
  }

  /// A run that may change one side only can't bring both under one UIDVALIDITY: the next one does.
  var sharesUIDs: Bool {
    mode == .mirror && anchors.left.uidValidity == anchors.right.uidValidity
  }

  /// `mirror` can't be kept up here: each side keeps its own UIDs from now on.
  private func fallBack(
    _ reason: String, advice: String = "set uids = auto or raise max-uid-padding"
  ) {
    record.mode = .map
    hasFallenBack = true
    let notice = SyncFailure(
      side: nil, mailbox: record.names.left, code: .cannotRenumber, scope: .message,
      message: "each side keeps its own UIDs from now on: \(reason)",
      advice: policy.uids == .mirror ? advice : "")
    notices.append(notice)
    observer?.handle(.notice(notice))
  }

  // MARK: One UID space

  private func placeMirrored(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    let layout = UIDSpace.layout(members: members(), reach: reach)
    for side in Side.allCases where !traits[side].choosesUIDs && mayRenumber {
      if layout.padding[side] > policy.maxUIDPadding {
        fallBack("\(layout.padding[side]) UIDs would have to be used up on the \(side) side")
        return
      }
    }
    for side in Side.allCases {
      let keepers = layout.keepers.filter { $0.side == side }
      if settled?.numbered == side {
        try placeSettled(keepers, on: side, endpoints)
      } else {
        try placeKeepers(keepers, on: side, endpoints)
      }
    }
    try placeFresh(layout, endpoints)
    try level(endpoints)
  }

  private func members() -> [UIDSpace.Member] {
    work.indices.compactMap { index -> UIDSpace.Member? in
      guard !work[index].isDropped, let date = work[index].item.date else { return nil }
      let uids = work[index].uids
      switch work[index].decision {
      case .agree where uids.left != uids.right || uids.left == nil: break
      case .place: break
      default: return nil
      }
      let base = work[index].item.base
      return UIDSpace.Member(
        index: index, uids: uids, formerUIDs: Both { base?.uids[$0] },
        lies: work[index].handles.map { $0 != nil }, date: date)
    }
  }

  /// Messages that get a UID on `side` which they have on the other side already.
  func placeKeepers(
    _ keepers: [UIDSpace.Keeper], on side: Side, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    var rest = keepers[...]
    while let first = rest.first {
      // A server numbers by itself: one run of UIDs without a hole at a time, padded up to before.
      var run = [first]
      rest.removeFirst()
      while let next = rest.first, let last = run.last,
        traits[side].choosesUIDs || next.uid == last.uid.next
      {
        run.append(next)
        rest.removeFirst()
      }
      if !traits[side].choosesUIDs, anchors[side].uidNext < first.uid, mayRenumber {
        try pad(side, to: first.uid, endpoints)
      }
      let jobs = run.compactMap { job($0.index, on: side, target: $0.uid) }
      try perform(jobs, on: side, endpoints)
    }
  }

  /// Messages that get new UIDs on both sides: the side that numbers by itself first, and what it gave
  /// decides.
  private func placeFresh(
    _ layout: UIDSpace.Layout, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    let lead: Side =
      traits.left.choosesUIDs == traits.right.choosesUIDs || !traits.right.choosesUIDs
      ? .right : .left
    let fresh = layout.fresh.filter { !wasRefused($0, by: lead.other) }
    try placeRefused(layout.fresh.filter { wasRefused($0, by: lead.other) }, lead, endpoints)
    guard !fresh.isEmpty else { return }
    for side in Side.allCases where !traits[side].choosesUIDs && mayRenumber {
      if anchors[side].uidNext < layout.freshStart {
        try pad(side, to: layout.freshStart, endpoints)
      }
    }
    var target = max(layout.freshStart, levelNext)
    let batchCount = batchCount(on: lead)
    for start in stride(from: 0, to: fresh.count, by: batchCount) {
      let indices = fresh[start..<min(start + batchCount, fresh.count)]
      var leading: [Job] = []
      for index in indices {
        if let job = job(index, on: lead, target: target) { leading.append(job) }
        target = target.next ?? target
      }
      let rest = fresh[min(start + batchCount, fresh.count)...]
      try noteIntents(leading.filter { $0.kind == .save }, before: rest, on: lead)
      // A run that dies before the other side follows must not leave them as vanished and arrived: what one side has
      // done is recorded.
      let goesOn = !rest.isEmpty
      do {
        try perform(leading, on: lead, endpoints, goesOn: goesOn)
      } catch {
        if hasKeptArrived { followArrived(Array(indices), lead, endpoints) }
        throw error
      }
      try performFollowing(Array(indices), lead, endpoints, goesOn: goesOn)
      try recordPlaced(Array(indices), goesOn: goesOn)
    }
  }

  /// After a run was cut short, what the leading side has got is numbered on the other one, too, and recorded, if it is still there:
  /// the next run would have to find out that both are one, and to wait for what might still come.
  private func followArrived(_ indices: [Int], _ lead: Side, _ endpoints: Both<any Endpoint>) {
    let arrived = indices.filter {
      work[$0].handles.left != nil && work[$0].handles.right != nil && !work[$0].isDropped
    }
    do {
      try performFollowing(arrived, lead, endpoints, goesOn: false)
      try recordPlaced(arrived)
      if isRecorded(arrived, on: lead) { try clearIntents() }
    } catch {
      // It does so.
    }
  }

  /// The other side follows the numbers that the leading one gave. A run that may renumber nothing can't help it
  /// if a number is used up there: then the message gets another one, for the time being.
  private func performFollowing(
    _ indices: [Int], _ lead: Side, _ endpoints: Both<any Endpoint>, goesOn: Bool
  ) throws(SideFailure) {
    let side = lead.other
    let next = anchors[side].uidNext
    var following: [Job] = []
    var rest: [Int] = []
    for index in indices {
      guard let uid = work[index].handles[lead]?.uid, let job = job(index, on: side, target: uid)
      else { continue }
      if mayRenumber || uid >= next { following.append(job) } else { rest.append(index) }
    }
    // Where nothing is renumbered, what the leading side gave now may come before what it had given long ago.
    following.sort { ($0.target ?? .last) < ($1.target ?? .last) }
    try perform(following, on: side, endpoints, goesOn: goesOn)
    let others = zip(rest, freeUIDs(rest.count, on: side)).compactMap { index, target in
      job(index, on: side, target: target)
    }
    try perform(others, on: side, endpoints, goesOn: goesOn)
  }

  /// Messages that the following side refused at an earlier run: it gets them first, or they would be given
  /// new UIDs on the leading side at every run, for nothing.
  private func placeRefused(
    _ indices: [Int], _ lead: Side, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    var target = levelNext
    var jobs: [Job] = []
    for index in indices {
      guard let job = job(index, on: lead.other, target: target) else { continue }
      jobs.append(job)
      target = target.next ?? target
    }
    try perform(jobs, on: lead.other, endpoints)
    let keepers = jobs.compactMap { job in
      work[job.index].handles[lead.other]?.uid.map {
        UIDSpace.Keeper(index: job.index, uid: $0, side: lead)
      }
    }
    try placeKeepers(keepers, on: lead, endpoints)
  }

  /// What has to be done on `side` for the message to lie there under `target`; `nil` if nothing has, or
  /// nothing may.
  func job(_ index: Int, on side: Side, target: UID?) -> Job? {
    guard !work[index].isDropped else { return nil }
    if let handle = work[index].handles[side] {
      guard handle.uid == nil || (mayRenumber && handle.uid != target) else { return nil }
      return Job(index: index, kind: .renumber, target: target)
    }
    guard work[index].decision == .place(on: side) else { return nil }
    return Job(index: index, kind: placement(index), target: target)
  }

  private func placement(_ index: Int) -> Job.Kind {
    guard let source = work[index].source else { return work[index].stub == nil ? .save : .stub }
    return .copy(from: source.mailbox, moving: source.isMove)
  }

  /// Both sides are to hand out the same UID next.
  private func level(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    // What is to come keeps UIDs below those.
    guard mayRenumber, later == nil else { return }
    let next = levelNext
    for side in Side.allCases where anchors[side].uidNext < next || isReopened(side) {
      let gap = Int(next.rawValue) - Int(anchors[side].uidNext.rawValue)
      if !traits[side].choosesUIDs, gap > policy.maxUIDPadding {
        fallBack("\(gap) UIDs would have to be used up on the \(side) side")
        return
      }
      try pad(side, to: next, endpoints)
    }
  }

  // MARK: Each side its own UIDs

  private func placeMapped(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    try numberFiles(endpoints)
    for side in Side.allCases {
      let jobs = work.indices.filter { index in
        work[index].decision == .place(on: side) && !work[index].isDropped
          && work[index].handles[side] == nil
      }.sorted(by: mapOrder(side)).map { Job(index: $0, kind: placement($0), target: nil) }
      try perform(jobs, on: side, endpoints)
    }
  }

  /// Copies first, those from one mailbox together; then saves in the order in which they are read, and
  /// stubs.
  private func mapOrder(_ side: Side) -> (Int, Int) -> Bool {
    { a, b in
      switch (self.work[a].source, self.work[b].source) {
      case (let x?, let y?) where x.mailbox != y.mailbox: return x.mailbox < y.mailbox
      case (let x?, let y?) where x.isMove != y.isMove: return x.isMove
      case (let x?, let y?): return x.uid < y.uid
      case (.some, nil): return true
      case (nil, .some): return false
      case (nil, nil):
        if (self.work[a].stub == nil) != (self.work[b].stub == nil) {
          return self.work[a].stub == nil
        }
      }
      guard let x = self.work[a].handles[side.other], let y = self.work[b].handles[side.other]
      else { return a < b }
      return x < y
    }
  }

  /// Files without a UID get one, in the order in which they were seen.
  private func numberFiles(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    for side in Side.allCases {
      let files = work.indices.filter { index in
        guard !work[index].isDropped, case .unnumbered? = work[index].handles[side] else {
          return false
        }
        return true
      }
      var target = anchors[side].uidNext
      var jobs: [Job] = []
      for index in files {
        jobs.append(Job(index: index, kind: .renumber, target: target))
        target = target.next ?? target
      }
      try perform(jobs, on: side, endpoints)
    }
  }

  private func settleClaims() {
    for index in work.indices {
      guard let claim = work[index].fulfils, claim.outcome == .open else { continue }
      let isThere = work[index].uids.left != nil && work[index].uids.right != nil
      claim.outcome = isThere ? .copied : .failed
    }
  }
}
