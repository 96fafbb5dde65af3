import COpenSSL
import Glibc

/// Offers the server the session of an earlier run, and keeps the one that it gives for the next.
///
/// A resumed session shows no certificate. The one of the session is therefore judged before it is offered, as it would be
/// in a full handshake: by the authorities, the name, the pin and the clock of now. If it does not pass, there is a full
/// handshake, which says why.
final class TLSResumption {
  private let sessions: TLSSessionFile
  /// The certificates that the server sent, and when.
  private var chain: [[UInt8]] = []
  private var verifiedAt = Int64(time(nil))

  /// Now and then a server has to show that it still has its key.
  private static let secondsUntilVerified: Int64 = 86_400
  /// The second slot of an `SSL` that is used here.
  private static let slot = CRYPTO_get_ex_new_index(
    CRYPTO_EX_INDEX_SSL, 0, nil, nil, nil, nil)

  init(_ sessions: TLSSessionFile) { self.sessions = sessions }

  /// Has OpenSSL tell the objects attached to the streams of `context` of each session.
  static func install(in context: OpaquePointer) {
    SSL_CTX_sess_set_new_cb(context) { stream, session in
      guard let stream, let session, let object = SSL_get_ex_data(stream, TLSResumption.slot)
      else { return 0 }
      Unmanaged<TLSResumption>.fromOpaque(object).takeUnretainedValue().keep(session, of: stream)
      // Nothing refers to it afterwards.
      return 0
    }
  }

  /// - Parameter stream: an `SSL` that has its host; this object must outlive it.
  func attach(to stream: OpaquePointer, _ context: OpaquePointer, _ verification: TLSVerification) {
    SSL_set_ex_data(stream, TLSResumption.slot, Unmanaged.passUnretained(self).toOpaque())
    guard let saved = sessions.take() else { return }
    // The file may say any time.
    let age = Int64(time(nil)).subtractingReportingOverflow(saved.verifiedAt)
    guard !age.overflow, (0..<TLSResumption.secondsUntilVerified).contains(age.partialValue),
      let session = TLSResumption.decode(saved.session)
    else { return }
    defer { SSL_SESSION_free(session) }
    guard SSL_SESSION_is_resumable(session) == 1,
      accepts(session, saved.chain, stream, context, verification),
      SSL_set_session(stream, session) == 1
    else {
      ERR_clear_error()
      return
    }
    chain = saved.chain
    verifiedAt = saved.verifiedAt
  }

  private func accepts(
    _ session: OpaquePointer, _ chain: [[UInt8]], _ stream: OpaquePointer, _ context: OpaquePointer,
    _ verification: TLSVerification
  ) -> Bool {
    guard let leaf = SSL_SESSION_get0_peer(session), let others = mbs_sk_X509_new(),
      let store = X509_STORE_CTX_new()
    else { return false }
    defer {
      X509_STORE_CTX_free(store)
      mbs_sk_X509_free(others)
    }
    for bytes in chain {
      guard let certificate = TLSResumption.certificate(bytes) else { return false }
      if mbs_sk_X509_push(others, certificate) == 0 {
        X509_free(certificate)
        return false
      }
    }
    guard
      X509_STORE_CTX_init(store, SSL_CTX_get_cert_store(context), leaf, others) == 1,
      X509_STORE_CTX_set_default(store, "ssl_server") == 1,
      let wanted = X509_STORE_CTX_get0_param(store),
      X509_VERIFY_PARAM_set1(wanted, SSL_get0_param(stream)) == 1
    else { return false }
    X509_VERIFY_PARAM_set_auth_level(wanted, SSL_get_security_level(stream))
    return verification.acceptsForResumption(store)
  }

  private func keep(_ session: OpaquePointer, of stream: OpaquePointer) {
    guard sessions.wantsSession, SSL_SESSION_is_resumable(session) == 1 else { return }
    if SSL_session_reused(stream) == 0 {
      verifiedAt = Int64(time(nil))
      let shown = SSL_get_peer_cert_chain(stream)
      let count = shown.map { mbs_sk_X509_num($0) } ?? 0
      chain = (0..<max(0, count)).compactMap { index in
        mbs_sk_X509_value(shown, index).map { certificate in DER.bytes { i2d_X509(certificate, $0) }
        }
      }
    }
    guard !chain.isEmpty else { return }
    let bytes = DER.bytes { i2d_SSL_SESSION(session, $0) }
    guard !bytes.isEmpty else { return }
    sessions.keep(SavedTLSSession(session: bytes, chain: chain, verifiedAt: verifiedAt))
  }

  private static func decode(_ bytes: [UInt8]) -> OpaquePointer? {
    bytes.withUnsafeBufferPointer { buffer in
      var start = buffer.baseAddress
      return d2i_SSL_SESSION(nil, &start, buffer.count)
    }
  }

  private static func certificate(_ bytes: [UInt8]) -> OpaquePointer? {
    bytes.withUnsafeBufferPointer { buffer in
      var start = buffer.baseAddress
      return d2i_X509(nil, &start, buffer.count)
    }
  }
}

/// What OpenSSL writes in DER.
enum DER {
  static func bytes(
    _ encode: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32
  ) -> [UInt8] {
    let length = encode(nil)
    guard length > 0 else { return [] }
    return [UInt8](unsafeUninitializedCapacity: Int(length)) { buffer, count in
      var end = buffer.baseAddress
      count = Int(max(0, min(length, encode(&end))))
    }
  }
}
