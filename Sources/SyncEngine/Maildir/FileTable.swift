import Glibc

/// The names in a folder's `cur` and `new`, found by base name. Those that stand in the list lie there, and only once in memory.
struct FileTable {
  struct Entry {
    /// A hash of the base name; ``MessageHandle/unnumbered(_:)`` has it as its key.
    let key: UInt64
    /// Where the base name begins: in the list's text, or among the names.
    fileprivate var base: UInt32
    /// Where what follows it begins among the names.
    fileprivate var info: UInt32 = 0
    /// 0: none.
    var uid: UInt32 = 0
    /// 0: the base name is not known before the file is found.
    fileprivate var baseLength: UInt8
    fileprivate var infoLength: UInt8 = 0
    private var state: State

    private struct State: OptionSet {
      var rawValue: UInt8
      static let isListed = State(rawValue: 1)
      static let isThere = State(rawValue: 2)
      static let isInNew = State(rawValue: 4)
      static let wasThere = State(rawValue: 8)
      static let isChanged = State(rawValue: 16)
    }

    fileprivate init(key: UInt64, base: UInt32, length: UInt8, isListed: Bool) {
      self.key = key
      self.base = base
      baseLength = length
      state = isListed ? .isListed : []
    }

    /// One that stood in the folder, or only in its list, when the names were kept.
    fileprivate init(_ kept: StandingNames.Entry, info: Range<Int>, isInNew: Bool) {
      self.init(key: kept.key, base: 0, length: 0, isListed: false)
      uid = kept.uid
      self.info = UInt32(truncatingIfNeeded: info.lowerBound)
      infoLength = UInt8(truncatingIfNeeded: info.count)
      if kept.isThere { state.insert(.wasThere) }
      if isInNew { state.insert(.isInNew) }
    }

    fileprivate var isListed: Bool { state.contains(.isListed) }

    /// It was there when the names were kept.
    var wasThere: Bool { state.contains(.wasThere) }

    /// Since then it was found under another name, or in the other directory.
    fileprivate(set) var isChanged: Bool {
      get { state.contains(.isChanged) }
      set { if newValue { state.insert(.isChanged) } else { state.remove(.isChanged) } }
    }

    /// False once the file is known to be gone.
    fileprivate(set) var isThere: Bool {
      get { state.contains(.isThere) }
      set { if newValue { state.insert(.isThere) } else { state.remove(.isThere) } }
    }

    fileprivate(set) var isInNew: Bool {
      get { state.contains(.isInNew) }
      set { if newValue { state.insert(.isInNew) } else { state.remove(.isInNew) } }
    }

    /// Files of one place have the same after their base names, and lie in the same directory.
    var infoPlace: InfoPlace { InfoPlace(start: info, length: infoLength, isInNew: isInNew) }

    fileprivate var baseRange: Range<Int> { Int(base)..<(Int(base) + Int(baseLength)) }
    fileprivate var infoRange: Range<Int> { Int(info)..<(Int(info) + Int(infoLength)) }
  }

  struct InfoPlace: Equatable {
    fileprivate var start: UInt32
    fileprivate var length: UInt8
    var isInNew: Bool
  }

  private(set) var entries = Block<Entry>()
  /// Names found a second time: the same message listed twice while it was renamed, or a duplicate.
  private(set) var duplicates = 0
  /// Files that can't be messages under their names.
  private(set) var leftOut: LeftOutFiles?
  private var listed = Block<UInt8>()
  /// Base names that are not listed, and what follows all of them.
  private var names = Block<UInt8>()
  /// The index of the entry that was last given what follows its base name.
  private var lastSet = 0
  /// Open addressing: an index into `entries` plus 1, or 0.
  private var slots: [UInt32] = []
  /// So many of the first entries were found in their order, before all others.
  private var foundInOrder = 0
  /// The indices of the files in the order in which they were found, unless it is that of the entries.
  private var order = Block<UInt32>()
  /// So many entries, from the first, are of names that were kept.
  private(set) var keptCount = 0
  /// The entry that was kept behind the one that was found last: most often it is the next that is found.
  private var nextKept = 0
  /// The last one that was found elsewhere, and how many in a row.
  private var lastMiss = -2
  private var misses = 0
  private var uids = FileUIDs()

  init() { growSlots(to: 64) }

  /// Expects the files that the list knows; none is known to be there.
  init(listed list: UIDList) {
    listed = list.text
    entries.reserveCapacity(list.records.count)
    growSlots(to: list.records.count * 2)
    list.forEachBase { range in
      guard let start = UInt32(exactly: range.lowerBound), let length = UInt8(exactly: range.count)
      else { return }
      let (key, slot) = listed.withUnsafeBufferPointer { text in
        let base = UnsafeBufferPointer(rebasing: text[range])
        let key = FileTable.key(base)
        return (key, self.slot(key, base))
      }
      if slots[slot] != 0 { return }
      add(Entry(key: key, base: start, length: length, isListed: true), slot)
    }
  }

  /// Expects the files that were there when the names were kept; none is known to be there.
  ///
  /// - Returns: `nil` if two of them have one key.
  init?(kept: StandingNames) {
    let infos = kept.infos.map { info in
      let start = names.count
      names.append(info.bytes)
      return start..<names.count
    }
    entries.reserveCapacity(kept.entries.count)
    for entry in kept.entries {
      let isThere = entry.isThere
      entries.append(
        Entry(
          entry, info: isThere ? infos[Int(entry.info)] : 0..<0,
          isInNew: isThere && kept.infos[Int(entry.info)].isInNew))
    }
    keptCount = entries.count
    growSlots(to: keptCount * 2)
    if hasEqualKeys { return nil }
  }

  /// Just those files are there that were kept, as they were.
  var isAsKept: Bool {
    entries.withUnsafeBufferPointer { entries in
      entries.allSatisfy { $0.isThere == $0.wasThere && !($0.isThere && $0.isChanged) }
    }
  }

  /// Equal keys lie in one run of slots.
  private var hasEqualKeys: Bool {
    entries.withUnsafeBufferPointer { entries in
      slots.withUnsafeBufferPointer { slots in
        let mask = slots.count - 1
        for slot in slots.indices where slots[slot] != 0 {
          let key = entries[Int(slots[slot]) - 1].key
          var other = (slot + 1) & mask
          while slots[other] != 0 {
            if entries[Int(slots[other]) - 1].key == key { return true }
            other = (other + 1) & mask
          }
        }
        return false
      }
    }
  }

  private mutating func add(_ entry: Entry, _ slot: Int) {
    entries.append(entry)
    slots[slot] = UInt32(entries.count)
  }

  /// Adds a file that was found. Of two with one base name the one in `cur` stays, else the first.
  ///
  /// Those without a base name that can be recorded are left out, as Dovecot does.
  mutating func insert(_ name: UnsafeBufferPointer<UInt8>, isInNew: Bool) {
    guard let length = FileTable.baseLength(of: name), isRoom(for: name.count) else {
      leftOut.note(name, isInNew: isInNew)
      return
    }
    let base = UnsafeBufferPointer(rebasing: name[..<length])
    let info = UnsafeBufferPointer(rebasing: name[length...])
    let key = FileTable.key(base)
    let index = nextKeptIndex(key, base) ?? index(adding: key, base)
    var entry = entries[index]
    if entry.baseLength == 0 {
      entry.base = UInt32(truncatingIfNeeded: names.count)
      entry.baseLength = UInt8(truncatingIfNeeded: length)
      names.append(base)
    }
    if entry.isThere {
      duplicates += 1
      if isInNew || !entry.isInNew { return }
    } else {
      noteFound(index)
    }
    // Seen again, or it has moved from `new` to `cur`.
    if entry.isInNew != isInNew { entry.isChanged = true }
    entry.isInNew = isInNew
    entry.isThere = true
    entries[index] = entry
    setInfo(info, at: index)
  }

  private mutating func noteFound(_ index: Int) {
    if order.isEmpty {
      if index == foundInOrder {
        foundInOrder += 1
        return
      }
      for index in 0..<foundInOrder { order.append(UInt32(truncatingIfNeeded: index)) }
    }
    order.append(UInt32(truncatingIfNeeded: index))
  }

  /// The indices of the files in the order in which they were found.
  var found: some Sequence<Int> {
    (0..<max(foundInOrder, order.count)).lazy.map { [order] in
      order.isEmpty ? $0 : Int(order[$0])
    }
  }

  /// The entry with this base name, if it is one of the next that were kept.
  private mutating func nextKeptIndex(_ key: UInt64, _ base: UnsafeBufferPointer<UInt8>) -> Int? {
    // Some may have gone since.
    for index in nextKept..<min(nextKept + 4, keptCount) where isMeant(entries[index], key, base) {
      nextKept = index + 1
      return index
    }
    return nil
  }

  private mutating func index(adding key: UInt64, _ base: UnsafeBufferPointer<UInt8>) -> Int {
    if (entries.count + 1) * 2 > slots.count { growSlots(to: slots.count * 2) }
    let slot = slot(key, base)
    if slots[slot] == 0 {
      add(Entry(key: key, base: 0, length: 0, isListed: false), slot)
    }
    let index = Int(slots[slot]) - 1
    // The order has become another one: it goes on here.
    if index < keptCount {
      misses = index == lastMiss + 1 ? misses + 1 : 0
      lastMiss = index
      if misses > 1 { nextKept = index + 1 }
    }
    return index
  }

  mutating func insert(_ name: FileName, isInNew: Bool) {
    name.withUnsafeBufferPointer { insert($0, isInNew: isInNew) }
  }

  private mutating func setInfo(_ info: UnsafeBufferPointer<UInt8>, at index: Int) {
    if hasInfo(info, entries[index]) { return }
    entries[index].isChanged = true
    // Of many it is the same.
    if lastSet < entries.count, hasInfo(info, entries[lastSet]) {
      entries[index].info = entries[lastSet].info
    } else {
      entries[index].info = UInt32(truncatingIfNeeded: names.count)
      names.append(info)
    }
    entries[index].infoLength = UInt8(truncatingIfNeeded: info.count)
    lastSet = index
  }

  private func isRoom(for octets: Int) -> Bool { UInt32(exactly: names.count + octets) != nil }

  /// Whether a file that was found is there under just this name.
  func holds(_ name: UnsafeBufferPointer<UInt8>, isInNew: Bool) -> Bool {
    guard let length = FileTable.baseLength(of: name),
      let index = index(ofBase: UnsafeBufferPointer(rebasing: name[..<length]))
    else { return false }
    return entries[index].isInNew == isInNew
      && hasInfo(UnsafeBufferPointer(rebasing: name[length...]), entries[index])
  }

  /// The index of the file with this base name, if it is there.
  func index(ofBase base: UnsafeBufferPointer<UInt8>) -> Int? {
    let found = slots[slot(FileTable.key(base), base)]
    guard found != 0, entries[Int(found) - 1].isThere else { return nil }
    return Int(found) - 1
  }

  /// The index of the file with this key, if it is there. Two base names with one key: `nil`, so
  /// that no file is ever taken for another.
  func index(ofKey key: UInt64) -> Int? {
    var slot = Int(truncatingIfNeeded: key) & (slots.count - 1)
    var result: Int?
    while slots[slot] != 0 {
      let index = Int(slots[slot]) - 1
      if entries[index].key == key, entries[index].isThere {
        if result != nil { return nil }
        result = index
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    return result
  }

  func name(at index: Int) -> FileName {
    var name = base(at: index)
    withInfo(at: index) { name += $0 }
    return name
  }

  func base(at index: Int) -> FileName {
    let entry = entries[index]
    return (entry.isListed ? listed : names).copy(entry.baseRange)
  }

  /// Calls `body` with what follows the base name: the separator and the flags, or nothing.
  func withInfo<Result>(at index: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    let range = entries[index].infoRange
    return names.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[range])) }
  }

  mutating func setUID(_ uid: UInt32, at index: Int) {
    let old = entries[index].uid
    entries[index].uid = uid
    uids.note(uid, insteadOf: old, at: index, entries)
  }

  mutating func forgetUIDs() {
    for index in entries.indices { entries[index].uid = 0 }
    uids = FileUIDs()
  }

  /// Does beforehand what the first question for a UID would have to wait for.
  mutating func prepareForUIDs() { uids.sort(entries) }

  /// The index of the file with this UID, if it is there.
  mutating func index(ofUID uid: UInt32) -> Int? {
    guard let index = uids.index(of: uid, entries), entries[index].isThere else { return nil }
    return index
  }

  /// To be called before the directories are read again: an entry keeps its index and its UID.
  mutating func expectAll() {
    duplicates = 0
    leftOut = nil
    order = Block()
    foundInOrder = 0
    nextKept = 0
    lastMiss = -2
    entries.withUnsafeMutableBufferPointer { entries in
      for index in entries.indices { entries[index].isThere = false }
    }
  }

  mutating func remove(at index: Int) { entries[index].isThere = false }

  /// The file has another name now, with the same base.
  mutating func rename(at index: Int, to name: FileName, isInNew: Bool = false) {
    guard isRoom(for: name.count), name.count <= UInt8.max else { return }
    name.withUnsafeBufferPointer {
      setInfo(
        UnsafeBufferPointer(rebasing: $0.dropFirst(Int(entries[index].baseLength))), at: index)
    }
    entries[index].isInNew = isInNew
  }

  /// The slot that has this base name, or the free one where it would go.
  private func slot(_ key: UInt64, _ base: UnsafeBufferPointer<UInt8>) -> Int {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: key) & mask
    while slots[slot] != 0 {
      if isMeant(entries[Int(slots[slot]) - 1], key, base) { break }
      slot = (slot + 1) & mask
    }
    return slot
  }

  private func isMeant(
    _ entry: Entry, _ key: UInt64, _ base: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    guard entry.key == key else { return false }
    // One that was kept is known by its key alone until it is found.
    return entry.baseLength == 0 || Int(entry.baseLength) == base.count && isEqual(entry, base)
  }

  private func isEqual(_ entry: Entry, _ base: UnsafeBufferPointer<UInt8>) -> Bool {
    (entry.isListed ? listed : names).has(base, at: entry.baseRange)
  }

  private func hasInfo(_ info: UnsafeBufferPointer<UInt8>, _ entry: Entry) -> Bool {
    names.has(info, at: entry.infoRange)
  }

  private mutating func growSlots(to minimum: Int) {
    var count = 64
    while count < minimum { count *= 2 }
    // The old ones are not kept meanwhile.
    slots = []
    slots = [UInt32](repeating: 0, count: count)
    for (index, entry) in entries.enumerated() {
      var slot = Int(truncatingIfNeeded: entry.key) & (count - 1)
      while slots[slot] != 0 { slot = (slot + 1) & (count - 1) }
      slots[slot] = UInt32(index + 1)
    }
  }
}

extension Block<UInt8> {
  fileprivate func has(_ bytes: UnsafeBufferPointer<UInt8>, at range: Range<Int>) -> Bool {
    guard bytes.count == range.count else { return false }
    return withUnsafeBufferPointer { own in
      guard let start = own.baseAddress, let other = bytes.baseAddress else {
        return bytes.isEmpty
      }
      return memcmp(start + range.lowerBound, other, range.count) == 0
    }
  }
}
