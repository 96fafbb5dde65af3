import COpenSSL

/// Decides whether the certificate of one connection is accepted, and says in words why not.
///
/// A pinned fingerprint means: trust exactly this one. It replaces the chain, the name and the days
/// of validity; that the server has the key is shown by the handshake itself.
final class TLSVerification {
  private let host: String
  private let pin: IMAPConfiguration.Fingerprint?
  private(set) var certificate: CertificateInfo?
  /// Also false if no certificate was ever shown.
  private(set) var isAccepted = false
  private(set) var failure: Refusal?
  /// The certificate of a session that may be resumed.
  private var resumable: CertificateInfo?

  /// Why not, and what to do about it.
  struct Refusal {
    var reason: String
    var advice: String
  }

  init(host: String, pin: IMAPConfiguration.Fingerprint?) {
    self.host = host
    self.pin = pin
  }

  /// Has `session` ask this object, which must outlive it.
  func attach(to session: OpaquePointer) {
    SSL_set_ex_data(session, Self.slot, Unmanaged.passUnretained(self).toOpaque())
  }

  /// Has all sessions of `context` ask the object attached to them.
  static func install(in context: OpaquePointer) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    SSL_CTX_set_cert_verify_callback(context, verifyCertificate, nil)
  }

  /// The slot of an `SSL` that OpenSSL leaves to the application ("app data").
  fileprivate static let slot: Int32 = 0

  /// `store` is an `X509_STORE_CTX` that knows the host name (`SSL_set1_host`).
  fileprivate func verify(_ store: OpaquePointer) -> Bool {
    guard let leaf = X509_STORE_CTX_get0_cert(store) else {
      failure = Refusal(reason: "the server shows no certificate", advice: "")
      return false
    }
    let shown = CertificateInfo(leaf)
    certificate = shown
    if let pin {
      failure = mismatch(of: shown, with: pin)
      if failure != nil { X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED) }
    } else if X509_verify_cert(store) != 1 {
      failure = reason(of: store, shown)
    }
    isAccepted = failure == nil
    return isAccepted
  }

  /// The same judgement of the certificate of a session that is to be resumed. It counts once the server has resumed it
  /// (``acceptResumed()``); a full handshake makes its own.
  func acceptsForResumption(_ store: OpaquePointer) -> Bool {
    let isFine = verify(store)
    resumable = isFine ? certificate : nil
    certificate = nil
    failure = nil
    isAccepted = false
    return isFine
  }

  /// The session was resumed.
  func acceptResumed() {
    guard let resumable else { return }
    certificate = resumable
    isAccepted = true
  }

  private func mismatch(
    of shown: CertificateInfo, with pin: IMAPConfiguration.Fingerprint
  ) -> Refusal? {
    let advice = "if you know that the server has a new one, set 'tls-fingerprint' anew"
    switch pin {
    case .certificate(let wanted):
      if shown.sha256 == wanted { return nil }
      return Refusal(
        reason:
          "the certificate is not the pinned one; its fingerprint is \(hex(shown.sha256))",
        advice: advice)
    case .publicKey(let wanted):
      if shown.publicKeySHA256 == wanted { return nil }
      return Refusal(
        reason: "the certificate's key is not the pinned one; its fingerprint is spki:"
          + hex(shown.publicKeySHA256), advice: advice)
    }
  }

  private func reason(of store: OpaquePointer, _ shown: CertificateInfo) -> Refusal {
    let error = X509_STORE_CTX_get_error(store)
    // The days may be those of an authority above the server's own certificate.
    let concerned = X509_STORE_CTX_get_current_cert(store).map { CertificateInfo($0) } ?? shown
    let what =
      X509_STORE_CTX_get_error_depth(store) == 0
      ? "the certificate" : "the certificate of the authority \(concerned.subject)"
    switch error {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return Refusal(
        reason: "\(what) expired on \(concerned.expires)",
        advice: "it is for who runs the server to renew it")
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return Refusal(
        reason: "\(what) is not valid before \(concerned.validFrom)",
        advice: "is the clock of this machine right?")
    case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
      let names = shown.names.isEmpty ? shown.subject : shown.names.joined(separator: ", ")
      return Refusal(
        reason: "the certificate is for \(names), not for \(host)",
        advice: "use the name that it is for, if that is your server")
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return Refusal(
        reason: "the certificate is self-signed; its fingerprint is \(hex(shown.sha256))",
        advice: "if you know that it is your server's, set 'tls-fingerprint' to it")
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
      X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
      X509_V_ERR_CERT_UNTRUSTED:
      return Refusal(
        reason: "the certificate is signed by an authority that is not trusted",
        advice: "if you trust it, set 'tls-ca-file' to its certificate")
    default:
      let text = X509_verify_cert_error_string(Int(error)).map { String(cString: $0) }
      return Refusal(
        reason: "\(what) is not accepted: \(text ?? "error \(error)")", advice: "")
    }
  }

  private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

/// Called by OpenSSL in place of its own verification.
private func verifyCertificate(_ store: OpaquePointer?, _: UnsafeMutableRawPointer?) -> Int32 {
  guard let store,
    let session = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
    let object = SSL_get_ex_data(OpaquePointer(session), TLSVerification.slot)
  else { return 0 }
  let verification = Unmanaged<TLSVerification>.fromOpaque(object).takeUnretainedValue()
  return verification.verify(store) ? 1 : 0
}
