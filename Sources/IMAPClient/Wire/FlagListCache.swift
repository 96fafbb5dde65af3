/// The lists of flags met last, with what they mean.
///
/// Messages with keywords mostly have one of a few lists; making a keyword of text takes a lock.
/// The number of lists kept is fixed.
final class FlagListCache {
  private struct Entry {
    var list: [UInt8]
    var flags: FlagSet
  }

  private static let slotCount = 64
  private static let lengthLimit = 512

  private var slots = [Entry?](repeating: nil, count: slotCount)

  /// - Parameters:
  ///   - list: as sent, with its parentheses.
  ///   - flags: makes the value if it is not known.
  /// - Returns: `nil` if that can't be made.
  func flags(
    of list: UnsafeRawBufferPointer, orElse flags: () -> FlagSet?
  ) -> FlagSet? {
    guard list.count <= FlagListCache.lengthLimit else { return flags() }
    let slot = FlagListCache.slot(of: list)
    if let entry = slots[slot], entry.list.elementsEqual(list) { return entry.flags }
    guard let value = flags() else { return nil }
    slots[slot] = Entry(list: Array(list), flags: value)
    return value
  }

  /// By the FNV-1a hash.
  private static func slot(of list: UnsafeRawBufferPointer) -> Int {
    var hash: UInt32 = 2_166_136_261
    for byte in list { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
    return Int((hash ^ (hash >> 16)) % UInt32(slotCount))
  }
}
