import IMAPClient

/// Finds the parts of a message in its bytes in CRLF form, as they pass: what a server tells by
/// BODYSTRUCTURE. RFC 2046 §5.1.
///
/// Holds one line's beginning, one part's header and the text that may be wanted; levels, parts and
/// sizes are bounded, and nothing in a message is an error.
struct PartScanner: ~Copyable {
  private struct Level {
    var boundary: [UInt8]
    var subtype: [UInt8]
    var number: Int
  }

  private static let depthLimit = 16
  private static let headerLimit = 16 * 1024
  /// A boundary has at most 70 characters; blanks may follow it.
  private static let lineLimit = 256

  private let textLimit: Int
  private var levels: [Level] = []
  private var multiparts = 0
  private var parts: [BodyPart] = []
  private var texts: [Int: [UInt8]] = [:]
  private var held = 0

  private var line: [UInt8] = []
  private var lineSize = 0
  private var header: [UInt8] = []
  private var isInHeader = true
  /// Before the first boundary and after the last one.
  private var isOutside = false
  private var size: UInt64 = 0
  private var text: [UInt8]?
  private var description = PartHeader()

  init(textLimit: Int) { self.textLimit = textLimit }

  mutating func update(_ piece: ArraySlice<UInt8>) {
    var rest = piece
    while !rest.isEmpty {
      let end = rest.firstIndex(of: 0x0a).map { $0 + 1 } ?? rest.endIndex
      let some = rest[..<end]
      rest = rest[end...]
      line += some.prefix(max(0, PartScanner.lineLimit - line.count))
      lineSize += some.count
      take(some)
      if some.last == 0x0a { endLine() }
    }
  }

  /// Octets of a part, before it is known whether the line is a boundary.
  private mutating func take(_ some: ArraySlice<UInt8>) {
    if isInHeader {
      header += some.prefix(max(0, PartScanner.headerLimit - header.count))
      return
    }
    guard !isOutside else { return }
    size += UInt64(some.count)
    guard text != nil else { return }
    text?.append(contentsOf: some)
    if held + (text?.count ?? 0) > textLimit + PartScanner.lineLimit { text = nil }
  }

  private mutating func endLine() {
    defer {
      line.removeAll(keepingCapacity: true)
      lineSize = 0
    }
    if let (depth, isLast) = boundary() {
      endPart(before: lineSize)
      levels.removeLast(levels.count - depth - (isLast ? 0 : 1))
      beginPart(isOutside: isLast)
    } else if isInHeader, line.elementsEqual([0x0d, 0x0a]) {
      endHeader()
    }
  }

  /// Which of the levels, from the outermost, the line is a boundary of.
  private func boundary() -> (depth: Int, isLast: Bool)? {
    guard line.starts(with: "--".utf8) else { return nil }
    for depth in levels.indices.reversed() {
      let mark = levels[depth].boundary
      guard line.dropFirst(2).starts(with: mark) else { continue }
      var rest = line.dropFirst(2 + mark.count)
      let isLast = rest.starts(with: "--".utf8)
      if isLast { rest = rest.dropFirst(2) }
      if rest.allSatisfy({ [0x20, 0x09, 0x0d, 0x0a].contains($0) }) { return (depth, isLast) }
    }
    return nil
  }

  private mutating func beginPart(isOutside: Bool) {
    self.isOutside = isOutside
    isInHeader = !isOutside
    header.removeAll(keepingCapacity: true)
    size = 0
    text = nil
    description = PartHeader()
  }

  private mutating func endHeader() {
    isInHeader = false
    description = PartHeader(header)
    if let boundary = description.boundary, levels.count < PartScanner.depthLimit {
      multiparts += 1
      levels.append(
        Level(boundary: boundary, subtype: description.subtype, number: multiparts))
      isOutside = true
      return
    }
    let isReadable = description.type.starts(with: "text/".utf8) && !description.isAttachment
    text = isReadable && !levels.isEmpty && held < textLimit ? [] : nil
  }

  /// - Parameter boundary: octets of the boundary's line, which came in with the part.
  private mutating func endPart(before boundary: Int) {
    guard !isOutside else { return }
    // The line end before a boundary belongs to it.
    let surplus = isInHeader ? 0 : boundary + (boundary > 0 ? 2 : 0)
    let octets = size > UInt64(surplus) ? size - UInt64(surplus) : 0
    guard parts.count < BodyPart.limit else { return }
    if isInHeader { description = PartHeader(header) }
    if var text {
      text.removeLast(min(text.count, surplus))
      held += text.count
      texts[parts.count] = header + text
    }
    parts.append(
      BodyPart(
        section: [UInt32(parts.count + 1)], type: description.type, name: description.name,
        size: octets, isAttachment: description.isAttachment, parent: levels.last?.subtype ?? [],
        parentNumber: levels.last?.number ?? 0))
  }

  consuming func finish() -> [MessagePart] {
    // The part of a message that ends without its last boundary.
    if lineSize > 0 { endLine() }
    endPart(before: 0)
    let wanted = Set(MessagePart.wanted(parts, textLimit: textLimit))
    return parts.enumerated().map { index, part in
      MessagePart(
        type: part.type, name: part.name, size: part.size,
        text: wanted.contains(index) ? texts[index] : nil)
    }
  }
}

/// What the header of a part says of it. RFC 2045 §5, RFC 2183.
struct PartHeader {
  var type = Array("text/plain".utf8)
  var name: [UInt8]?
  var isAttachment = false
  /// Of a multipart.
  var boundary: [UInt8]?

  var subtype: [UInt8] {
    type.firstIndex(of: UInt8(ascii: "/")).map { Array(type[($0 + 1)...]) } ?? []
  }

  init() {}

  init(_ header: [UInt8]) {
    for field in HeaderFields(header, isWhole: true) {
      let fieldName = HeaderFields.name(of: field)
      let isType = fieldName.elementsEqual("content-type".utf8)
      guard isType || fieldName.elementsEqual("content-disposition".utf8),
        let colon = field.firstIndex(of: UInt8(ascii: ":"))
      else { continue }
      let (value, parameters) = PartHeader.taken(apart: field[(colon + 1)...])
      if isType {
        if !value.isEmpty { type = value }
        if value.starts(with: "multipart/".utf8) { boundary = parameters["boundary"] }
        name = name ?? parameters["name"]
      } else {
        isAttachment = value.elementsEqual("attachment".utf8)
        name = parameters["filename"] ?? name
      }
    }
    if boundary?.isEmpty == true { boundary = nil }
  }

  /// `text/plain; name="a b"; charset=x`: the first word in lower case, and the parameters.
  private static func taken(
    apart value: ArraySlice<UInt8>
  ) -> ([UInt8], [String: [UInt8]]) {
    var pieces: [[UInt8]] = [[]]
    var isQuoted = false
    var rest = value
    while let byte = rest.popFirst() {
      if isQuoted, byte == UInt8(ascii: "\\"), let next = rest.popFirst() {
        pieces[pieces.count - 1].append(next)
      } else if byte == UInt8(ascii: "\"") {
        isQuoted.toggle()
      } else if byte == UInt8(ascii: ";"), !isQuoted {
        pieces.append([])
      } else if byte != 0x0d, byte != 0x0a {
        pieces[pieces.count - 1].append(byte)
      }
    }
    var parameters: [String: [UInt8]] = [:]
    for piece in pieces.dropFirst().prefix(50) {
      guard let equals = piece.firstIndex(of: UInt8(ascii: "=")) else { continue }
      let key = String(decoding: trimmed(piece[..<equals]), as: UTF8.self).lowercased()
      let plain = key.hasSuffix("*") ? String(key.dropLast()) : key
      if parameters[plain] == nil { parameters[plain] = trimmed(piece[(equals + 1)...]) }
    }
    let first = trimmed(pieces[0][...]).map { $0 >= 0x41 && $0 <= 0x5a ? $0 | 0x20 : $0 }
    return (first, parameters)
  }

  private static func trimmed(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
    let start = bytes.drop(while: isBlank)
    return Array(start.reversed().drop(while: isBlank).reversed())
  }
}
