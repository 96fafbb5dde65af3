import Glibc

/// The names in a folder's `cur` and `new`: one block of memory, found by base name.
struct FileTable {
  struct Entry {
    /// A hash of the base name; ``MessageHandle/unnumbered(_:)`` has it as its key.
    var key: UInt64
    fileprivate var offset: UInt32
    fileprivate var length: UInt8
    fileprivate var baseLength: UInt8
    var isInNew: Bool
    /// False once the file is known to be gone.
    var isThere: Bool
    /// 0: none.
    var uid: UInt32
  }

  private(set) var entries: [Entry] = []
  /// Names found a second time: the same message listed twice while it was renamed, or a duplicate.
  private(set) var duplicates = 0
  private var names = ByteBlock()
  /// Open addressing: an index into `entries` plus 1, or 0.
  private var slots: [UInt32] = []

  init(minimumCapacity: Int = 64) {
    entries.reserveCapacity(minimumCapacity)
    names.reserveCapacity(minimumCapacity * 48)
    growSlots(to: max(64, minimumCapacity * 2))
  }

  /// Adds a file that was found. Of two with one base name the one in `cur` stays, else the first.
  ///
  /// Names that can't stand in a dovecot-uidlist (line ends in them) or have no base are left out, as
  /// Dovecot does.
  mutating func insert(_ name: UnsafeBufferPointer<UInt8>, isInNew: Bool) {
    guard let baseLength = FileTable.baseLength(of: name), let length = UInt8(exactly: name.count),
      let offset = UInt32(exactly: names.count)
    else { return }
    let base = UnsafeBufferPointer(rebasing: name[..<baseLength])
    if (entries.count + 1) * 2 > slots.count { growSlots(to: slots.count * 2) }
    let key = FileTable.key(base)
    let slot = slot(key, base)
    if slots[slot] != 0 {
      let index = Int(slots[slot]) - 1
      if entries[index].isThere {
        duplicates += 1
        if isInNew || !entries[index].isInNew { return }
      }
      // Seen again, or it has moved from `new` to `cur`.
      entries[index].isInNew = isInNew
      entries[index].isThere = true
      if hasName(name, index) { return }
      names.append(name)
      entries[index].offset = offset
      entries[index].length = length
      return
    }
    names.append(name)
    entries.makeRoom(for: 1)
    entries.append(
      Entry(
        key: key, offset: offset, length: length, baseLength: UInt8(truncatingIfNeeded: baseLength),
        isInNew: isInNew, isThere: true, uid: 0))
    slots[slot] = UInt32(entries.count)
  }

  mutating func insert(_ name: FileName, isInNew: Bool) {
    name.withUnsafeBufferPointer { insert($0, isInNew: isInNew) }
  }

  /// - Returns: `nil` for a name that is left out.
  private static func baseLength(of name: UnsafeBufferPointer<UInt8>) -> Int? {
    guard name.count <= UInt8.max else { return nil }
    var length = 0
    for byte in name {
      if byte == 0x0a || byte == 0x0d { return nil }
      if byte == MessageFileName.separator { break }
      length += 1
    }
    return length > 0 ? length : nil
  }

  /// Whether a file that was found is there under just this name; `nil`: its name is left out.
  func holds(_ name: UnsafeBufferPointer<UInt8>, isInNew: Bool) -> Bool? {
    guard let length = FileTable.baseLength(of: name) else { return nil }
    guard let index = index(ofBase: UnsafeBufferPointer(rebasing: name[..<length])) else {
      return false
    }
    return entries[index].isInNew == isInNew && hasName(name, index)
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
    let entry = entries[index]
    return names[Int(entry.offset)..<(Int(entry.offset) + Int(entry.length))]
  }

  func base(at index: Int) -> FileName {
    let entry = entries[index]
    return names[Int(entry.offset)..<(Int(entry.offset) + Int(entry.baseLength))]
  }

  /// Calls `body` with what follows the base name: the separator and the flags, or nothing.
  func withInfo<Result>(at index: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    let entry = entries[index]
    return names.withUnsafeBufferPointer { names in
      let start = Int(entry.offset) + Int(entry.baseLength)
      return body(
        UnsafeBufferPointer(rebasing: names[start..<(Int(entry.offset) + Int(entry.length))]))
    }
  }

  mutating func setUID(_ uid: UInt32, at index: Int) { entries[index].uid = uid }

  mutating func forgetUIDs() {
    for index in entries.indices { entries[index].uid = 0 }
  }

  /// To be called before the directories are read again: an entry keeps its index and its UID.
  mutating func expectAll() {
    duplicates = 0
    for index in entries.indices { entries[index].isThere = false }
  }

  mutating func remove(at index: Int) { entries[index].isThere = false }

  /// The file has another name now, with the same base.
  mutating func rename(at index: Int, to name: FileName, isInNew: Bool = false) {
    guard let offset = UInt32(exactly: names.count), let length = UInt8(exactly: name.count)
    else { return }
    names.append(name)
    entries[index].offset = offset
    entries[index].length = length
    entries[index].isInNew = isInNew
  }

  /// A hash that stays the same from run to run and on every machine.
  static func key(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ UInt64(bytes.count)
    var index = 0
    while index < bytes.count {
      var word: UInt64 = 0
      var shift: UInt64 = 0
      let end = min(index + 8, bytes.count)
      while index < end {
        word |= UInt64(bytes[index]) << shift
        shift += 8
        index += 1
      }
      hash = (hash ^ word) &* 0x9e37_79b9_7f4a_7c15
      hash ^= hash >> 29
    }
    hash = hash &* 0xbf58_476d_1ce4_e5b9
    return hash ^ hash >> 32
  }

  /// The slot that has this base name, or the free one where it would go.
  private func slot(_ key: UInt64, _ base: UnsafeBufferPointer<UInt8>) -> Int {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: key) & mask
    while slots[slot] != 0 {
      let entry = entries[Int(slots[slot]) - 1]
      if entry.key == key, Int(entry.baseLength) == base.count, isEqual(entry, base) { break }
      slot = (slot + 1) & mask
    }
    return slot
  }

  private func isEqual(_ entry: Entry, _ base: UnsafeBufferPointer<UInt8>) -> Bool {
    names.withUnsafeBufferPointer { names in
      guard let start = names.baseAddress, let other = base.baseAddress else { return false }
      return memcmp(start + Int(entry.offset), other, base.count) == 0
    }
  }

  private func hasName(_ name: UnsafeBufferPointer<UInt8>, _ index: Int) -> Bool {
    let entry = entries[index]
    guard Int(entry.length) == name.count else { return false }
    return names.withUnsafeBufferPointer { names in
      guard let start = names.baseAddress, let other = name.baseAddress else { return false }
      return memcmp(start + Int(entry.offset), other, name.count) == 0
    }
  }

  private mutating func growSlots(to minimum: Int) {
    var count = 64
    while count < minimum { count *= 2 }
    slots = [UInt32](repeating: 0, count: count)
    for (index, entry) in entries.enumerated() {
      var slot = Int(truncatingIfNeeded: entry.key) & (count - 1)
      while slots[slot] != 0 { slot = (slot + 1) & (count - 1) }
      slots[slot] = UInt32(index + 1)
    }
  }
}

extension Array {
  /// Grows in small steps: doubling would hold as much again as is used, in tables that hold something for
  /// every message.
  mutating func makeRoom(for more: Int) {
    guard capacity < count + more else { return }
    reserveCapacity(count + Swift.max(more, count / 8, 64))
  }
}
