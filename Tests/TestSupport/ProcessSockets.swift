import Foundation

private func loopback(_ port: UInt16) -> sockaddr_in {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
  return address
}

/// A socket that accepts connections to a port of 127.0.0.1, and the port.
func listenLocally() throws -> (descriptor: Int32, port: UInt16) {
  let socket = makeSocket()
  guard let port = bindLocally(socket), listen(socket, 16) == 0 else {
    close(socket)
    throw TestFailure("can't listen: \(String(cString: strerror(errno)))")
  }
  return (socket, port)
}

private func makeSocket() -> Int32 {
  socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
}

/// Gives the socket a free port.
private func bindLocally(_ socket: Int32) -> UInt16? {
  var address = loopback(0)
  var length = socklen_t(MemoryLayout<sockaddr_in>.size)
  let isBound = withUnsafeMutablePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(socket, $0, length) == 0 && getsockname(socket, $0, &length) == 0
    }
  }
  return isBound ? UInt16(bigEndian: address.sin_port) : nil
}

/// A TCP port of 127.0.0.1 that nobody listened on a moment ago.
public func findFreePort() throws -> UInt16 {
  let socket = makeSocket()
  defer { close(socket) }
  guard let port = bindLocally(socket) else {
    throw TestFailure("no free port: \(String(cString: strerror(errno)))")
  }
  return port
}

/// A connection to a port of 127.0.0.1, which the caller closes.
public func connectLocally(to port: UInt16) throws -> Int32 {
  let socket = makeSocket()
  var address = loopback(port)
  let result = withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
  guard result == 0 else {
    let reason = String(cString: strerror(errno))
    close(socket)
    throw TestFailure("connect to port \(port): \(reason)")
  }
  return socket
}
