import Glibc

extension FileTable {
  /// - Returns: `nil` for a name that can't stand in a dovecot-uidlist (line ends in them) or has no base.
  static func baseLength(of name: UnsafeBufferPointer<UInt8>) -> Int? {
    guard name.count <= UInt8.max, let start = name.baseAddress else { return nil }
    let end = memchr(start, Int32(MessageFileName.separator), name.count)
    let length = end.map { UnsafeRawPointer($0) - UnsafeRawPointer(start) } ?? name.count
    guard length > 0, memchr(start, 0x0a, length) == nil, memchr(start, 0x0d, length) == nil
    else { return nil }
    return length
  }

  /// A hash that stays the same from run to run and on every machine.
  static func key(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ UInt64(bytes.count)
    let raw = UnsafeRawBufferPointer(bytes)
    var index = 0
    while index + 8 <= raw.count {
      let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      hash = (hash ^ word) &* 0x9e37_79b9_7f4a_7c15
      hash ^= hash >> 29
      index += 8
    }
    if index < raw.count {
      var word: UInt64 = 0
      var shift: UInt64 = 0
      while index < raw.count {
        word |= UInt64(raw[index]) << shift
        shift += 8
        index += 1
      }
      hash = (hash ^ word) &* 0x9e37_79b9_7f4a_7c15
      hash ^= hash >> 29
    }
    hash = hash &* 0xbf58_476d_1ce4_e5b9
    return hash ^ hash >> 32
  }
}
