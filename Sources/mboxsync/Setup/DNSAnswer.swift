/// The records of a name server's answer that say where a service is. RFC 1035 §4, RFC 2782.
///
/// The bytes come from the network: whatever does not fit ends the reading, and what was read before
/// counts.
struct DNSAnswer {
  struct Service: Hashable {
    var priority: UInt16
    var weight: UInt16
    var port: UInt16
    /// Empty where the domain says that it has no such service: RFC 2782, "Target".
    var host: String
  }

  enum Kind: UInt16, Sendable {
    case mailExchanger = 15
    case service = 33
  }

  /// In the order to be tried, as far as it is not left to chance: by priority, then by weight.
  private(set) var services: [Service] = []
  /// The hosts that take the domain's mail, the preferred first.
  private(set) var mailExchangers: [String] = []

  init(_ bytes: [UInt8]) {
    var reader = DNSReader(bytes: bytes)
    guard let questions = reader.beginAnswer() else { return }
    for _ in 0..<questions { guard reader.skipQuestion() else { return } }
    var exchangers: [(preference: UInt16, host: String)] = []
    for _ in 0..<reader.answerCount {
      guard let record = reader.nextRecord() else { break }
      var data = reader
      data.position = record.start
      switch Kind(rawValue: record.type) {
      case .service:
        guard let priority = data.number(), let weight = data.number(), let port = data.number(),
          let host = data.name()
        else { continue }
        services.append(Service(priority: priority, weight: weight, port: port, host: host))
      case .mailExchanger:
        guard let preference = data.number(), let host = data.name() else { continue }
        exchangers.append((preference, host))
      case nil: continue
      }
    }
    services.sort { ($0.priority, $1.weight, $0.host) < ($1.priority, $0.weight, $1.host) }
    mailExchangers = exchangers.sorted { $0.preference < $1.preference }.map(\.host)
  }
}

/// Reads a message piece by piece.
private struct DNSReader {
  let bytes: [UInt8]
  var position = 0
  private(set) var answerCount: UInt16 = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  /// Reads the header. RFC 1035 §4.1.1
  /// - Returns: how many questions follow; `nil` for what is no answer.
  mutating func beginAnswer() -> UInt16? {
    guard number() != nil, let flags = number(), flags & 0x8000 != 0, flags & 0xf == 0,
      let questions = number(), let answers = number()
    else { return nil }
    answerCount = answers
    position = 12
    return questions
  }

  mutating func skipQuestion() -> Bool {
    guard name() != nil else { return false }
    position += 4
    return position <= bytes.count
  }

  /// - Returns: the type of a record, and where its data begin.
  mutating func nextRecord() -> (type: UInt16, start: Int)? {
    guard name() != nil, let type = number() else { return nil }
    // Its class and how long it may be kept.
    position += 6
    guard let length = number() else { return nil }
    let start = position
    position += Int(length)
    return position <= bytes.count ? (type, start) : nil
  }

  mutating func number() -> UInt16? {
    guard position >= 0, position + 2 <= bytes.count else { return nil }
    defer { position += 2 }
    return UInt16(bytes[position]) << 8 | UInt16(bytes[position + 1])
  }

  /// A name without a dot at its end; `nil` if it is none that a host can have. RFC 1035 §4.1.4
  mutating func name() -> String? {
    var labels: [String] = []
    var at = position
    var end: Int?
    var length = 0
    while at < bytes.count {
      let octet = Int(bytes[at])
      if octet == 0 {
        position = end ?? at + 1
        return labels.joined(separator: ".")
      }
      if octet & 0xc0 == 0xc0 {
        guard at + 1 < bytes.count else { return nil }
        let target = (octet & 0x3f) << 8 | Int(bytes[at + 1])
        end = end ?? at + 2
        // Only backwards, or it might never end.
        guard target < at else { return nil }
        at = target
        continue
      }
      guard octet < 64, at + 1 + octet <= bytes.count else { return nil }
      length += octet + 1
      let label = bytes[(at + 1)..<(at + 1 + octet)]
      guard length <= 255, label.allSatisfy(DNSReader.isOfName) else { return nil }
      labels.append(String(decoding: label, as: UTF8.self))
      at += 1 + octet
    }
    return nil
  }

  /// Letters, digits and hyphens, and the underscore of `_imaps`.
  private static func isOfName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
