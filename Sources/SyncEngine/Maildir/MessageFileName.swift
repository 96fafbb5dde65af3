/// The parts of a message file's name: `base[:2,FLAGS[,REST]]`.
///
/// The base name identifies the message; Dovecot's sizes may be in it (`,S=` bytes of the file, `,W=`
/// bytes in CRLF form). Everything is kept as bytes.
struct MessageFileName: Hashable {
  var base: FileName
  /// The letters of the flags, as they are written.
  var letters: [UInt8]
  /// From a second comma on; nobody knows what it means, so it is kept.
  var rest: [UInt8]
  /// False for `base` alone and for an info part that is not `2,`.
  var hasFlags: Bool

  static let separator = UInt8(ascii: ":")
  static let comma = UInt8(ascii: ",")

  init(base: FileName, letters: [UInt8] = [], rest: [UInt8] = []) {
    self.base = base
    self.letters = letters
    self.rest = rest
    hasFlags = true
  }

  init(_ name: some Collection<UInt8>) {
    base = Array(name.prefix { $0 != MessageFileName.separator })
    let info = name.dropFirst(base.count)
    hasFlags = info.starts(with: [MessageFileName.separator, UInt8(ascii: "2"), 0x2c])
    letters = hasFlags ? Array(info.dropFirst(3).prefix { $0 != MessageFileName.comma }) : []
    rest = hasFlags ? Array(info.dropFirst(3 + letters.count)) : []
  }

  /// The name with its flags; letters are written in the order of their codes, each once.
  var bytes: FileName {
    var result = base
    result += [MessageFileName.separator, UInt8(ascii: "2"), MessageFileName.comma]
    var last: UInt8?
    for letter in letters.sorted() where letter != last {
      result.append(letter)
      last = letter
    }
    return result + rest
  }

  /// The number after `,S=` or `,W=` in a base name; or after `,U=`, where isync and OfflineIMAP keep UIDs of
  /// their own.
  ///
  /// - Returns: `nil` unless the number is followed by a comma or the end, as Dovecot reads it.
  static func size(_ key: UInt8, in base: some Collection<UInt8>) -> UInt64? {
    var rest = base[...]
    while let comma = rest.firstIndex(of: comma) {
      rest = rest[rest.index(after: comma)...]
      guard rest.starts(with: [key, UInt8(ascii: "=")]) else { continue }
      let digits = rest.dropFirst(2).prefix { $0 >= 0x30 && $0 <= 0x39 }
      let after = rest.dropFirst(2 + digits.count).first
      guard after == nil || after == MessageFileName.comma else { return nil }
      return number(digits)
    }
    return nil
  }

  /// - Returns: `nil` without digits, or for a number that does not fit.
  static func number(_ digits: some Collection<UInt8>) -> UInt64? {
    guard !digits.isEmpty, digits.count <= 19 else { return nil }
    return digits.reduce(0) { $0 * 10 + UInt64($1 & 0x0f) }
  }
}
