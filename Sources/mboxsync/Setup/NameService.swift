import CLinux
import IMAPClient

/// What is asked of the network to find a server, or a table of answers in tests.
struct NameService: Sendable {
  /// The answer of a name server, as it came; empty if there is none.
  var ask: @Sendable (_ name: String, _ kind: DNSAnswer.Kind) -> [UInt8]
  /// Whether anybody listens there.
  var listens: @Sendable (_ host: String, _ port: UInt16) -> Bool

  static let system = NameService(
    ask: { name, kind in
      var answer = [UInt8](repeating: 0, count: 8 << 10)
      let count = mbs_res_query(name, Int32(kind.rawValue), &answer, Int32(answer.count))
      guard count > 0 else { return [] }
      return Array(answer.prefix(Int(count)))
    },
    listens: { host, port in
      guard let stream = try? TCPStream.connect(host: host, port: port, until: .after(seconds: 3))
      else { return false }
      stream.close()
      return true
    })
}
