import COpenSSL

/// A TLS session as it is kept from one connection to another, with what is needed to judge the server's certificate
/// anew: resuming shows none. RFC 8446 §2.2, RFC 5077.
struct SavedTLSSession: Equatable {
  /// An `SSL_SESSION`, as OpenSSL writes it. Whoever has it can speak as the server.
  var session: [UInt8]
  /// The certificates that the server sent, in DER, its own first.
  var chain: [[UInt8]]
  /// When it last sent them, in seconds since 1970.
  var verifiedAt: Int64

  private static let mark = Array("mboxsync TLS session 1\n".utf8)
  static let sizeLimit = 128 << 10
  private static let chainLimit = 16

  /// Each part with its length before it.
  var encoded: [UInt8] {
    var bytes = SavedTLSSession.mark
    SavedTLSSession.append(UInt64(bitPattern: verifiedAt), to: &bytes)
    for part in [session] + chain {
      SavedTLSSession.append(UInt64(part.count), to: &bytes)
      bytes += part
    }
    return bytes
  }

  init(session: [UInt8], chain: [[UInt8]], verifiedAt: Int64) {
    self.session = session
    self.chain = Array(chain.prefix(SavedTLSSession.chainLimit))
    self.verifiedAt = verifiedAt
  }

  /// - Returns: `nil` for anything but what ``encoded`` gives.
  init?(encoded bytes: [UInt8]) {
    guard bytes.starts(with: SavedTLSSession.mark) else { return nil }
    var rest = bytes.dropFirst(SavedTLSSession.mark.count)
    guard let time = SavedTLSSession.number(&rest) else { return nil }
    var parts: [[UInt8]] = []
    while !rest.isEmpty {
      guard let count = SavedTLSSession.number(&rest), count > 0, count <= UInt64(rest.count),
        parts.count <= SavedTLSSession.chainLimit
      else { return nil }
      parts.append(Array(rest.prefix(Int(count))))
      rest = rest.dropFirst(Int(count))
    }
    guard parts.count >= 2 else { return nil }
    self.init(
      session: parts[0], chain: Array(parts.dropFirst()), verifiedAt: Int64(bitPattern: time))
  }

  private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
    for shift in stride(from: 56, through: 0, by: -8) {
      bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(shift)))
    }
  }

  private static func number(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
    guard bytes.count >= 8 else { return nil }
    let number = bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    bytes = bytes.dropFirst(8)
    return number
  }
}
