import COpenSSL

/// An incremental SHA-256 (FIPS 180-4), computed by OpenSSL.
public struct SHA256: ~Copyable {
  private var context = SHA256_CTX()

  public init() { mbs_SHA256_init(&context) }

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    mbs_SHA256_update(&context, bytes.baseAddress, bytes.count)
  }

  public mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

  /// The 32 bytes of the digest; nothing may be added afterwards.
  public mutating func finish() -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    mbs_SHA256_final(&digest, &context)
    return digest
  }

  public static func digest(of bytes: [UInt8]) -> [UInt8] {
    var hash = SHA256()
    hash.update(bytes)
    return hash.finish()
  }
}
