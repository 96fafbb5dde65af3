import COpenSSL

/// The hash functions that SASL mechanisms are made of.
enum HashFunction {
  case md5
  case sha1
  case sha256

  /// Bytes of a digest.
  var size: Int {
    switch self {
    case .md5: 16
    case .sha1: 20
    case .sha256: 32
    }
  }

  /// nil where the library does without it, as MD5 under a FIPS policy.
  func digest(_ bytes: [UInt8]) -> [UInt8]? {
    var result = [UInt8](repeating: 0, count: size)
    guard EVP_Digest(bytes, bytes.count, &result, nil, algorithm, nil) == 1 else { return nil }
    return result
  }

  /// RFC 2104
  func hmac(key: [UInt8], _ message: [UInt8]) -> [UInt8]? {
    var result = [UInt8](repeating: 0, count: size)
    guard HMAC(algorithm, key, Int32(key.count), message, message.count, &result, nil) != nil
    else { return nil }
    return result
  }

  /// PBKDF2 with one block of output, which is `Hi` of RFC 5802 §2.2.
  func stretch(password: [UInt8], salt: [UInt8], iterations: Int32) -> [UInt8]? {
    var result = [UInt8](repeating: 0, count: size)
    let status = password.withUnsafeBytes { bytes in
      PKCS5_PBKDF2_HMAC(
        bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count),
        salt, Int32(salt.count), iterations, algorithm, Int32(size), &result)
    }
    return status == 1 ? result : nil
  }

  private var algorithm: OpaquePointer? {
    switch self {
    case .md5: EVP_md5()
    case .sha1: EVP_sha1()
    case .sha256: EVP_sha256()
    }
  }
}

/// Bytes that nobody can foretell, from the kernel.
enum RandomBytes {
  static func make(_ count: Int) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
  }
}
