import COpenSSL

/// OpenSSL's queue of errors, in words.
enum TLSFailure {
  /// The first error of this thread's queue, which is the cause of the rest; empties the queue.
  static func takeReason() -> (code: Int32, text: String)? {
    let error = ERR_get_error()
    ERR_clear_error()
    guard error != 0 else { return nil }
    let text = ERR_reason_error_string(error).map { String(cString: $0) }
    return (ERR_GET_REASON(error), text ?? "error \(error)")
  }

  /// Why no TLS came about.
  static func duringHandshake(systemError: Errno) -> TransportError {
    guard let reason = takeReason() else {
      if systemError.rawValue != 0 { return .broken(systemError.description) }
      return closed
    }
    if let refusal = refusalOfClient(reason.code) { return refusal }
    switch reason.code {
    case SSL_R_WRONG_VERSION_NUMBER, SSL_R_PACKET_LENGTH_TOO_LONG, SSL_R_HTTP_REQUEST:
      return .tls(
        "the server does not speak TLS there",
        advice: "is it the port for TLS? with STARTTLS the URL begins with imap:")
    case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,
      SSL_R_VERSION_TOO_LOW:
      return .tls(
        "the server speaks no version of TLS that is allowed",
        advice: "see 'tls-min'; anything older than TLS 1.2 is not taken")
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
      return closed
    default:
      return .tls(reason.text)
    }
  }

  /// Why it broke afterwards. With TLS 1.3 the server judges the client's certificate only then.
  static func afterHandshake(systemError: Errno) -> TransportError {
    guard let reason = takeReason() else {
      if systemError.rawValue == 0 { return .broken("the connection was closed") }
      return .broken(systemError.description)
    }
    if let refusal = refusalOfClient(reason.code) { return refusal }
    return .broken("TLS failed: \(reason.text)")
  }

  private static let closed = TransportError.tls(
    "the server closed the connection while TLS was being set up",
    advice: "is it the port for TLS? with STARTTLS the URL begins with imap:")

  private static func refusalOfClient(_ code: Int32) -> TransportError? {
    switch code {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      .tls(
        "the server asks for a client certificate",
        advice: "set 'tls-client-cert' and 'tls-client-key'")
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE,
      SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
      SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, SSL_R_TLSV1_ALERT_UNKNOWN_CA,
      SSL_R_TLSV1_ALERT_ACCESS_DENIED:
      .tls(
        "the server does not accept the client certificate",
        advice: "ask who runs the server for one that it takes")
    default: nil
    }
  }
}
