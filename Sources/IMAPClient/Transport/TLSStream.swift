import COpenSSL
import Glibc

/// TLS as the client, over a connected socket.
///
/// The certificate is verified during the handshake; nothing is read or written before it is
/// accepted. A write may have to wait for reading, and a read for writing.
public final class TLSStream: ByteStream {
  private let socket: TCPStream
  private let context: TLSContext
  private let verification: TLSVerification
  private let resumption: TLSResumption?
  /// An `SSL`; nil once it is closed.
  private var session: OpaquePointer?
  /// OpenSSL allows no call on a session after a fatal error, not even to shut it down.
  private var failure: TransportError?
  private var mayHoldInput = false
  public private(set) var bytesRead: UInt64 = 0
  public private(set) var bytesWritten: UInt64 = 0
  /// Known after the handshake.
  public private(set) var info: TLSInfo?
  /// The handshake went on from a session of an earlier run.
  public private(set) var isResumed = false

  /// `host` is the name or address the certificate must be for. `stream` is not to be used by
  /// anyone else from now on, and nothing may have been read ahead from it.
  ///
  /// - Parameter sessions: where a session of an earlier run may be, and one is kept for the next.
  public init(
    over stream: TCPStream, host: String, context: TLSContext, sessions: TLSSessionFile? = nil
  ) throws(TransportError) {
    Signals.ignoreBrokenPipes()
    ERR_clear_error()
    socket = stream
    self.context = context
    verification = TLSVerification(host: host, pin: context.pin)
    resumption = sessions.map { TLSResumption($0) }
    guard let session = SSL_new(context.context) else {
      throw .tls(TLSFailure.takeReason()?.text ?? "out of memory")
    }
    self.session = session
    verification.attach(to: session)
    guard Self.setHost(host, of: session), SSL_set_fd(session, stream.descriptor) == 1 else {
      throw .tls("the host name \(host) can't be verified")
    }
    resumption?.attach(to: session, context.context, verification)
    SSL_set_connect_state(session)
  }

  deinit { close() }

  public var isLoopback: Bool { socket.isLoopback }

  public var pollDescriptors: (read: Int32, write: Int32) { socket.pollDescriptors }

  public var hasBufferedInput: Bool { mayHoldInput }

  /// The certificates by which the server's own was accepted: its own first, a trusted authority's last.
  /// Only the server's own where it is pinned.
  public var chain: [CertificateInfo] {
    guard let session, failure == nil, info != nil else { return [] }
    let verified = SSL_get0_verified_chain(session)
    let count = verified.map { mbs_sk_X509_num($0) } ?? 0
    guard count > 0 else { return [info?.certificate].compactMap { $0 } }
    return (0..<count).compactMap { mbs_sk_X509_value(verified, $0).map { CertificateInfo($0) } }
  }

  /// One step: `done(0)` when it is complete and the certificate is accepted.
  public func handshake() throws(TransportError) -> StreamProgress {
    let session = try usableSession()
    let result = SSL_do_handshake(session)
    let systemError = Errno.current
    if result == 1 { return try completeHandshake(session) }
    switch SSL_get_error(session, result) {
    case SSL_ERROR_WANT_READ: return .needsRead
    case SSL_ERROR_WANT_WRITE: return .needsWrite
    case SSL_ERROR_SYSCALL: throw fail(TLSFailure.duringHandshake(systemError: systemError))
    default:
      let reason = TLSFailure.duringHandshake(systemError: Errno(0))
      throw fail(verification.failure.map { .tls($0.reason, advice: $0.advice) } ?? reason)
    }
  }

  /// The whole handshake, waiting; `seconds` is what the deadline was made from.
  public func handshake(until deadline: Deadline, seconds: Int) throws(TransportError) {
    var poll = PollSet()
    while true {
      let progress = try handshake()
      if case .done = progress { return }
      poll.removeAll()
      poll.add(progress, of: self)
      do throws(Errno) {
        if try poll.wait(until: deadline) { continue }
      } catch {
        throw .broken(error.description)
      }
      throw .timedOut(seconds: seconds)
    }
  }

  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(TransportError)
    -> StreamProgress
  {
    if buffer.isEmpty { return .done(0) }
    let session = try usableSession()
    var total = 0
    // One call gives one record at most. Those already here are gathered, so that they go through
    // the layers above in one piece.
    repeat {
      var count = 0
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[total...])
      let result = SSL_read_ex(session, rest.baseAddress, rest.count, &count)
      let systemError = Errno.current
      guard result == 1 else {
        let progress = stopped(session, result, systemError)
        // An end or a failure behind some bytes is told by the next call, whatever `poll` says.
        mayHoldInput = progress != .success(.needsRead)
        return total > 0 ? gathered(total) : try progress.get()
      }
      total += count
      mayHoldInput = SSL_has_pending(session) == 1
    } while mayHoldInput && total < buffer.count
    return gathered(total)
  }

  public func write(_ bytes: UnsafeRawBufferPointer) throws(TransportError) -> StreamProgress {
    if bytes.isEmpty { return .done(0) }
    let session = try usableSession()
    var count = 0
    let result = SSL_write_ex(session, bytes.baseAddress, bytes.count, &count)
    let systemError = Errno.current
    guard result == 1 else { return try stopped(session, result, systemError).get() }
    bytesWritten += UInt64(count)
    return .done(count)
  }

  /// Nothing is gathered here.
  public func flush() throws(TransportError) -> StreamProgress { .done(0) }

  public func letWrittenArrive() { socket.letWrittenArrive() }

  public func close() {
    if let session {
      // Says close_notify if the socket takes it; there is no waiting for the other's.
      if info != nil && failure == nil { SSL_shutdown(session) }
      SSL_free(session)
      ERR_clear_error()
    }
    session = nil
    socket.close()
  }

  private func gathered(_ count: Int) -> StreamProgress {
    bytesRead += UInt64(count)
    return .done(count)
  }

  private func usableSession() throws(TransportError) -> OpaquePointer {
    if let failure { throw failure }
    guard let session else { throw .broken("the connection was closed") }
    ERR_clear_error()
    return session
  }

  /// Why a read or write did not go on.
  private func stopped(_ session: OpaquePointer, _ result: Int32, _ systemError: Errno)
    -> Result<StreamProgress, TransportError>
  {
    switch SSL_get_error(session, result) {
    case SSL_ERROR_WANT_READ: .success(.needsRead)
    case SSL_ERROR_WANT_WRITE: .success(.needsWrite)
    case SSL_ERROR_ZERO_RETURN: .success(.ended)
    case SSL_ERROR_SYSCALL: .failure(fail(TLSFailure.afterHandshake(systemError: systemError)))
    default: .failure(fail(TLSFailure.afterHandshake(systemError: Errno(0))))
    }
  }

  /// Remembers that the session is not to be touched again.
  private func fail(_ error: TransportError) -> TransportError {
    failure = error
    return error
  }

  private func completeHandshake(_ session: OpaquePointer) throws(TransportError)
    -> StreamProgress
  {
    isResumed = SSL_session_reused(session) == 1
    if isResumed { verification.acceptResumed() }
    guard verification.isAccepted, let certificate = verification.certificate else {
      throw fail(.tls("the server shows no certificate"))
    }
    info = TLSInfo(
      version: SSL_get_version(session).map { String(cString: $0) } ?? "",
      cipher: mbs_SSL_get_cipher_name(session).map { String(cString: $0) } ?? "",
      certificate: certificate)
    return .done(0)
  }

  /// What the certificate must be for, and the name the server chooses it by (RFC 6066 §3: never an
  /// address).
  private static func setHost(_ host: String, of session: OpaquePointer) -> Bool {
    var name = HostName.ascii(host)
    if name.hasSuffix(".") { name.removeLast() }
    // An empty name would switch the check off.
    if name.isEmpty || name.utf8.contains(0) { return false }
    // Behind the percent sign there is an interface of this machine.
    let address = name.prefix { $0 != "%" }
    if X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), String(address)) == 1 { return true }
    ERR_clear_error()
    SSL_set_hostflags(session, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
    return SSL_set1_host(session, name) == 1
      && mbs_SSL_set_tlsext_host_name(session, name) == 1
  }
}
