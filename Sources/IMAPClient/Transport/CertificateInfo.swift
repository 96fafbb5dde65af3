import COpenSSL
import Glibc

/// A server's certificate, for people. What it says of itself is made printable and short.
public struct CertificateInfo: Hashable, Sendable {
  /// The most names listed: a certificate may be for hundreds.
  private static let mostNames = 20

  public var subject: String
  public var issuer: String
  /// DNS names and addresses it is for.
  public var names: [String]
  /// The days as `2026-01-02`, in UTC.
  public var validFrom: String
  public var expires: String
  /// Seconds since 1970; `nil` if the certificate does not say it in a way that can be read.
  public var expiresAt: Int64?
  /// Of the whole certificate in DER.
  public var sha256: [UInt8]
  /// Of its SubjectPublicKeyInfo in DER.
  public var publicKeySHA256: [UInt8]

  /// `certificate` is an `X509`.
  init(_ certificate: OpaquePointer) {
    subject = Self.text(ofName: X509_get_subject_name(certificate))
    issuer = Self.text(ofName: X509_get_issuer_name(certificate))
    names = Self.alternativeNames(of: certificate)
    validFrom = Self.day(X509_get0_notBefore(certificate))
    expires = Self.day(X509_get0_notAfter(certificate))
    expiresAt = Self.seconds(X509_get0_notAfter(certificate))
    sha256 = SHA256.digest(of: DER.bytes { i2d_X509(certificate, $0) })
    let key = X509_get_X509_PUBKEY(certificate)
    publicKeySHA256 = SHA256.digest(of: DER.bytes { i2d_X509_PUBKEY(key, $0) })
  }

  private static func alternativeNames(of certificate: OpaquePointer) -> [String] {
    var found: [String] = []
    var buffer = [CChar](repeating: 0, count: 256)
    var index: Int32 = 0
    while found.count < mostNames {
      let result = mbs_X509_alternative_name(certificate, index, &buffer, Int32(buffer.count))
      if result < 0 { break }
      if result > 0 {
        found.append(printable(buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))))
      }
      index += 1
    }
    return found
  }

  /// `CN=imap.example.org,O=Example`; OpenSSL escapes what is not ASCII or not printable.
  private static func text(ofName name: OpaquePointer?) -> String {
    guard let output = BIO_new(BIO_s_mem()) else { return "" }
    defer { BIO_free(output) }
    X509_NAME_print_ex(output, name, 0, MBS_XN_FLAG_RFC2253)
    var buffer = [UInt8](repeating: 0, count: 200)
    let count = BIO_read(output, &buffer, Int32(buffer.count))
    return printable(buffer.prefix(Int(max(0, count))))
  }

  private static func day(_ time: UnsafePointer<ASN1_TIME>?) -> String {
    var parts = tm()
    guard ASN1_TIME_to_tm(time, &parts) == 1 else { return "an unknown day" }
    func padded(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(parts.tm_year + 1900)-\(padded(parts.tm_mon + 1))-\(padded(parts.tm_mday))"
  }

  private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
    var parts = tm()
    guard ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
    return Int64(timegm(&parts))
  }

  private static func printable(_ bytes: some Sequence<UInt8>) -> String {
    String(
      decoding: bytes.map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
  }
}
