/// Names of hosts as name servers and certificates have them. RFC 5890, RFC 3492
public enum HostName {
  /// `bücher.example` as `xn--bcher-kva.example`; what is ASCII, or no name that can be written so, stays as it is.
  ///
  /// Upper case becomes lower case; nothing else is changed into what may be meant.
  public static func ascii(_ host: String) -> String {
    guard !host.utf8.allSatisfy({ $0 < 0x80 }) else { return host }
    var labels: [String] = []
    for label in host.split(omittingEmptySubsequences: false, whereSeparator: isDot) {
      guard let encoded = ascii(label: label) else { return host }
      labels.append(encoded)
    }
    return labels.joined(separator: ".")
  }

  /// The ideographic full stops are typed for a dot. RFC 3490 §3.1
  private static func isDot(_ character: Character) -> Bool {
    [".", "\u{3002}", "\u{ff0e}", "\u{ff61}"].contains(character)
  }

  private static func ascii(label: Substring) -> String? {
    guard !label.utf8.allSatisfy({ $0 < 0x80 }) else { return String(label) }
    guard let encoded = Punycode.encode(label.lowercased().unicodeScalars.map(\.value)) else {
      return nil
    }
    // RFC 1035 §2.3.4
    return encoded.utf8.count + 4 <= 63 ? "xn--\(encoded)" : nil
  }
}

/// Any code points as ASCII letters, digits and hyphens. RFC 3492 §6.3
private enum Punycode {
  private static let base: UInt32 = 36
  private static let tMin: UInt32 = 1
  private static let tMax: UInt32 = 26
  /// No label of a host is longer: it keeps all sums below far from overflowing.
  private static let limit = 255

  static func encode(_ points: [UInt32]) -> String? {
    guard points.count <= limit else { return nil }
    var output = points.filter { $0 < 0x80 }.map { UInt8($0) }
    let basicCount = UInt32(output.count)
    var handled = basicCount
    if basicCount > 0 { output.append(UInt8(ascii: "-")) }
    var (next, delta, bias): (UInt32, UInt32, UInt32) = (0x80, 0, 72)
    while handled < points.count {
      guard let lowest = points.filter({ $0 >= next }).min() else { return nil }
      delta += (lowest - next) * (handled + 1)
      next = lowest
      for point in points {
        if point < next { delta += 1 }
        guard point == next else { continue }
        append(delta, bias, to: &output)
        bias = adapted(delta, handled + 1, isFirst: handled == basicCount)
        delta = 0
        handled += 1
      }
      delta += 1
      next += 1
    }
    return String(decoding: output, as: UTF8.self)
  }

  /// A number of variable length. RFC 3492 §3.3
  private static func append(_ number: UInt32, _ bias: UInt32, to output: inout [UInt8]) {
    var rest = number
    var k = base
    while true {
      let threshold = k <= bias + tMin ? tMin : min(tMax, k - bias)
      if rest < threshold { break }
      output.append(digit(threshold + (rest - threshold) % (base - threshold)))
      rest = (rest - threshold) / (base - threshold)
      k += base
    }
    output.append(digit(rest))
  }

  /// RFC 3492 §6.1
  private static func adapted(_ delta: UInt32, _ count: UInt32, isFirst: Bool) -> UInt32 {
    var delta = isFirst ? delta / 700 : delta / 2
    delta += delta / count
    var k: UInt32 = 0
    while delta > (base - tMin) * tMax / 2 {
      delta /= base - tMin
      k += base
    }
    return k + (base - tMin + 1) * delta / (delta + 38)
  }

  private static func digit(_ value: UInt32) -> UInt8 {
    let value = UInt8(truncatingIfNeeded: value)
    return value < 26 ? UInt8(ascii: "a") + value : UInt8(ascii: "0") + (value - 26)
  }
}
