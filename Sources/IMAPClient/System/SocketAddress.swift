import CLinux
import Glibc

/// The address of a TCP port, IPv4 or IPv6.
public struct SocketAddress: Hashable, Sendable {
  public let family: Int32
  /// A `sockaddr_in` or `sockaddr_in6`, byte by byte.
  let bytes: [UInt8]

  init?(_ address: UnsafePointer<sockaddr>?, length: socklen_t) {
    guard let address else { return nil }
    family = Int32(address.pointee.sa_family)
    bytes = [UInt8](UnsafeRawBufferPointer(start: address, count: Int(length)))
  }

  /// The other end of a connected socket.
  init?(peerOf descriptor: Int32) {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let found = withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        getpeername(descriptor, address, &length) == 0
          ? SocketAddress(address, length: length) : nil
      }
    }
    guard let found else { return nil }
    self = found
  }

  /// True for 127.0.0.0/8 and ::1, also as an IPv4 address inside IPv6.
  public var isLoopback: Bool {
    switch family {
    case AF_INET:
      // The address follows the family and the port.
      return bytes.dropFirst(4).first == 127
    case AF_INET6:
      // It follows the family, the port and the flow label.
      let address = bytes.dropFirst(8).prefix(16)
      let mapped: [UInt8] = [UInt8](repeating: 0, count: 10) + [0xff, 0xff, 127]
      let one = [UInt8](repeating: 0, count: 15) + [1]
      return address.elementsEqual(one) || address.starts(with: mapped)
    default:
      return false
    }
  }

  func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result? {
    bytes.withUnsafeBytes { raw in
      guard let address = raw.assumingMemoryBound(to: sockaddr.self).baseAddress else {
        return nil
      }
      return body(address, socklen_t(raw.count))
    }
  }

  /// All addresses of a host, in the order to try them: the families take turns, beginning with the
  /// one that the system prefers (RFC 8305 §4). It may wait for name servers.
  static func resolve(host: String, port: UInt16) throws(TransportError) -> [SocketAddress] {
    let found = try lookUp(host: host, port: port, flags: AI_NUMERICSERV)
    guard !found.isEmpty else { throw .unknownHost("the host has no address") }
    return takingTurns(found)
  }

  /// Whether the host is this machine, as far as its name tells: nobody is asked for addresses.
  public static func isThisMachine(_ host: String) -> Bool {
    if host.lowercased() == "localhost" { return true }
    let addresses = try? lookUp(host: host, port: 0, flags: AI_NUMERICHOST | AI_NUMERICSERV)
    return addresses?.first?.isLoopback ?? false
  }

  private static func lookUp(
    host: String, port: UInt16, flags: Int32
  ) throws(TransportError) -> [SocketAddress] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = flags
    var list: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(HostName.ascii(host), String(port), &hints, &list)
    guard status == 0 else { throw failure(ofResolving: status) }
    defer { freeaddrinfo(list) }

    var found: [SocketAddress] = []
    var next = list
    while let entry = next?.pointee {
      if let address = SocketAddress(entry.ai_addr, length: entry.ai_addrlen) {
        found.append(address)
      }
      next = entry.ai_next
    }
    return found
  }

  private static func failure(ofResolving status: Int32) -> TransportError {
    switch status {
    case EAI_NONAME, EAI_NODATA: .unknownHost("host name not found")
    case EAI_AGAIN: .unknownHost("the name server does not answer")
    case EAI_SYSTEM: .unknownHost(Errno.current.description)
    default: .unknownHost(gai_strerror(status).map { String(cString: $0) } ?? "no address")
    }
  }

  private static func takingTurns(_ addresses: [SocketAddress]) -> [SocketAddress] {
    let first = addresses.filter { $0.family == addresses.first?.family }
    let second = addresses.filter { $0.family != addresses.first?.family }
    var result: [SocketAddress] = []
    for index in 0..<max(first.count, second.count) {
      if index < first.count { result.append(first[index]) }
      if index < second.count { result.append(second[index]) }
    }
    return result
  }
}
