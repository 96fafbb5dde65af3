import COpenSSL
import Synchronization

/// What all TLS connections of one configuration share: trusted authorities, client certificate,
/// pin.
///
/// OpenSSL counts references to its contexts itself, and nothing is changed in one after `init`:
/// several threads may make streams from it.
public final class TLSContext: @unchecked Sendable {
  let context: OpaquePointer
  let pin: IMAPConfiguration.Fingerprint?

  public init(_ options: IMAPConfiguration.TLSOptions) throws(TransportError) {
    ERR_clear_error()
    guard let context = SSL_CTX_new(TLS_client_method()) else {
      throw .tls(TLSFailure.takeReason()?.text ?? "out of memory")
    }
    self.context = context
    pin = options.fingerprint
    Self.setProtocol(of: context, minimum: options.minimum)
    TLSVerification.install(in: context)
    if options.fingerprint == nil {
      try TrustStore.load(into: context, caFile: options.caFile)
    }
    if let certificate = options.clientCertificate {
      try Self.loadClient(certificate: certificate, key: options.clientKey, into: context)
    }
  }

  deinit { SSL_CTX_free(context) }

  /// The context of these options, made on first use.
  public static func shared(_ options: IMAPConfiguration.TLSOptions) throws(TransportError)
    -> TLSContext
  {
    if let known = contexts.withLock({ $0[options] }) { return known }
    // Two threads may both make one; the first to be entered is used.
    let made = try TLSContext(options)
    return contexts.withLock { known in
      let context = known[options] ?? made
      known[options] = context
      return context
    }
  }

  private static let contexts = Mutex<[IMAPConfiguration.TLSOptions: TLSContext]>([:])

  private static func setProtocol(
    of context: OpaquePointer, minimum: IMAPConfiguration.TLSVersion
  ) {
    mbs_SSL_CTX_set_min_proto_version(
      context, minimum == .v13 ? TLS1_3_VERSION : TLS1_2_VERSION)
    // A connection cut off without close_notify counts as ended: many servers do that, and IMAP
    // itself tells when something is missing (counted literals, tagged answers).
    SSL_CTX_set_options(
      context,
      MBS_SSL_OP_NO_RENEGOTIATION | MBS_SSL_OP_NO_COMPRESSION | MBS_SSL_OP_IGNORE_UNEXPECTED_EOF)
    mbs_SSL_CTX_set_mode(
      context, Int(SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER))
    mbs_SSL_CTX_set_session_cache_mode(context, MBS_SSL_SESS_CACHE_CALLBACK_ONLY)
    TLSResumption.install(in: context)
    // Several records in one system call.
    mbs_SSL_CTX_set_read_ahead(context, 1)
    SSL_CTX_set_default_read_buffer_len(context, 64 * 1024)
  }

  private static func loadClient(
    certificate: String, key: String?, into context: OpaquePointer
  ) throws(TransportError) {
    try TLSFile.requireReadable(certificate)
    guard SSL_CTX_use_certificate_chain_file(context, certificate) == 1 else {
      ERR_clear_error()
      throw .badFile(path: certificate, reason: "holds no certificate in PEM")
    }
    let key = key ?? certificate
    try TLSFile.requireReadable(key)
    var isEncrypted = false
    let status = withUnsafeMutablePointer(to: &isEncrypted) { wasAsked in
      // Without this OpenSSL asks on the terminal.
      SSL_CTX_set_default_passwd_cb_userdata(context, wasAsked)
      SSL_CTX_set_default_passwd_cb(context) { _, _, _, wasAsked in
        wasAsked?.assumingMemoryBound(to: Bool.self).pointee = true
        return -1
      }
      defer { SSL_CTX_set_default_passwd_cb_userdata(context, nil) }
      return SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM)
    }
    guard status == 1 else {
      let reason = TLSFailure.takeReason()
      if isEncrypted { throw .badFile(path: key, reason: "is encrypted") }
      if reason?.code == X509_R_KEY_VALUES_MISMATCH {
        throw .badFile(path: key, reason: "is not the key of the client certificate")
      }
      throw .badFile(path: key, reason: "holds no private key in PEM that can be used")
    }
    guard SSL_CTX_check_private_key(context) == 1 else {
      ERR_clear_error()
      throw .badFile(path: key, reason: "is not the key of the client certificate")
    }
  }
}
