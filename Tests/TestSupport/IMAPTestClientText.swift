import Foundation

// What IMAP and Maildir write differently from the tests. RFC 3501 §5.1.3, RFC 3501 §9 (date-time).

/// A mailbox name in modified UTF-7.
public func encodeModifiedUTF7(_ name: String) -> String {
  var result = ""
  var pending: [UInt8] = []
  func flush() {
    guard !pending.isEmpty else { return }
    let base64 = Data(pending).base64EncodedString()
      .replacingOccurrences(of: "=", with: "").replacingOccurrences(of: "/", with: ",")
    result += "&\(base64)-"
    pending = []
  }
  for unit in name.utf16 {
    if unit == 0x26 {
      flush()
      result += "&-"
    } else if (0x20...0x7E).contains(unit) {
      flush()
      result += String(UnicodeScalar(UInt8(unit)))
    } else {
      pending += [UInt8(unit >> 8), UInt8(unit & 0xFF)]
    }
  }
  flush()
  return result
}

/// The name that modified UTF-7 stands for; itself where it is none.
public func decodeModifiedUTF7(_ name: String) -> String {
  var result = ""
  var rest = Substring(name)
  while let start = rest.firstIndex(of: "&") {
    result += rest[..<start]
    let behind = rest.index(after: start)
    guard let end = rest[behind...].firstIndex(of: "-") else { return name }
    var base64 = rest[behind..<end].replacingOccurrences(of: ",", with: "/")
    rest = rest[rest.index(after: end)...]
    if base64.isEmpty {
      result += "&"
      continue
    }
    while base64.count % 4 != 0 { base64 += "=" }
    guard let bytes = Data(base64Encoded: base64) else { return name }
    let units = stride(from: 0, to: bytes.count - 1, by: 2).map {
      UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1])
    }
    result += String(decoding: units, as: UTF16.self)
  }
  return result + rest
}

private let months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(separator: " ")

/// Seconds since 1970 as an INTERNALDATE in UTC.
public func formatInternalDate(_ seconds: Int) -> String {
  var time = time_t(seconds)
  var parts = tm()
  gmtime_r(&time, &parts)
  return String(
    format: "%02d-", parts.tm_mday) + months[Int(parts.tm_mon)]
    + String(
      format: "-%04d %02d:%02d:%02d +0000", parts.tm_year + 1900, parts.tm_hour, parts.tm_min,
      parts.tm_sec)
}

/// Seconds since 1970; 0 if it is no INTERNALDATE.
public func parseInternalDate(_ text: String) -> Int {
  let fields = text.split { "- :".contains($0) }
  guard fields.count >= 6, let month = months.firstIndex(where: { $0 == fields[1] }),
    let zone = text.split(separator: " ").last.flatMap({ Int($0) })
  else { return 0 }
  var parts = tm()
  parts.tm_mday = Int32(fields[0]) ?? 0
  parts.tm_mon = Int32(month)
  parts.tm_year = (Int32(fields[2]) ?? 0) - 1900
  parts.tm_hour = Int32(fields[3]) ?? 0
  parts.tm_min = Int32(fields[4]) ?? 0
  parts.tm_sec = Int32(fields[5]) ?? 0
  return timegm(&parts) - (zone / 100 * 60 + zone % 100) * 60
}

/// The message with every line end as CRLF.
public func withCRLF(_ bytes: [UInt8]) -> [UInt8] {
  var result: [UInt8] = []
  result.reserveCapacity(bytes.count + bytes.count / 20)
  var previous: UInt8 = 0
  for byte in bytes {
    if byte == 10, previous != 13 { result.append(13) }
    result.append(byte)
    previous = byte
  }
  return result
}
