import Foundation
import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

/// The parts of a message, as a Maildir finds them; as a server tells of them in
/// `ResponseParserBodyTests`.
@Suite("Parts of a message") struct PartScannerTests {
  private func scan(_ text: String, piece: Int = 4096, limit: Int = 1000) -> [MessagePart] {
    var scanner = PartScanner(textLimit: limit)
    let bytes = withCRLF(Array(text.utf8))
    for start in stride(from: 0, to: bytes.count, by: piece) {
      scanner.update(bytes[start..<min(start + piece, bytes.count)])
    }
    return scanner.finish()
  }

  private func shown(_ parts: [MessagePart]) -> [String] {
    parts.map { part in
      let name = part.shownName.map { " \($0)" } ?? ""
      let text = part.text.map { " [\(String(decoding: $0, as: UTF8.self))]" } ?? ""
      return "\(String(decoding: part.type, as: UTF8.self)) \(part.size)\(name)\(text)"
    }
  }

  private static let nested = """
    Subject: x
    Content-Type: multipart/mixed;
     boundary="o u"

    preamble
    --o u
    Content-Type: multipart/alternative; boundary=i

    --i
    Content-Type: text/plain

    one
    --i
    Content-Type: text/html

    <two>
    --i--
    --o u
    Content-Disposition: attachment; filename="a.txt"

    abc

    --o u
    Content-Type: Application/PDF; name*=utf-8''%C3%A4.pdf

    --o u-- \t
    epilogue
    """

  @Test("with texts, sizes and names, however the octets come", arguments: [1, 2, 3, 7, 4096])
  func parts(piece: Int) {
    #expect(
      shown(scan(Self.nested, piece: piece)) == [
        "text/plain 3 [Content-Type: text/plain\r\n\r\none]", "text/html 5",
        "text/plain 5 a.txt", "application/pdf 0 ä.pdf",
      ])
  }

  @Test(
    "messages of one part, broken ones and empty ones",
    arguments: [
      ("Subject: x\n\nbody\n", ["text/plain 6"]), ("", ["text/plain 0"]),
      ("Content-Type: image/png\n\nabc", ["image/png 3"]),
      ("Content-Type: multipart/mixed\n\n--x\n\na\n", ["multipart/mixed 10"]),
      ("Content-Type: multipart/mixed; boundary=x\n\nnothing", []),
      ("Content-Type: multipart/mixed; boundary=x\n\n--x\n\nabc", ["text/plain 3 [\r\nabc]"]),
      (
        "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/html", ["text/html 0"]
      ),
      (
        "Content-Type: multipart/mixed; boundary=x\n\n--xy\n--x\n\na\n--x--\n--x\n\nb\n",
        ["text/plain 1 [\r\na]"]
      ),
    ])
  func odd(text: String, parts: [String]) {
    #expect(shown(scan(text)) == parts)
  }

  @Test("text that is too much is left out")
  func textLimit() {
    let parts = scan(Self.nested, limit: 2)
    #expect(parts.count == 4 && parts.allSatisfy { $0.text == nil })
  }

  @Test("levels and parts are bounded")
  func bounds() {
    var deep = ""
    for level in 0..<100 {
      deep += "Content-Type: multipart/mixed; boundary=b\(level)\n\n--b\(level)\n"
    }
    #expect(scan(deep).count <= 20)
    let many =
      "Content-Type: multipart/mixed; boundary=x\n\n" + String(repeating: "--x\n\na\n", count: 5000)
    #expect(scan(many, limit: 1 << 20).count == BodyPart.limit)
  }

  @Test(
    "names are decoded, and can't deceive",
    arguments: [
      ("plain.txt", "plain.txt"), ("=?utf-8?B?w6QucGRm?=", "ä.pdf"),
      ("=?iso-8859-1?q?caf=E9_1?= =?iso-8859-1?q?.txt?=", "café 1.txt"),
      ("=?koi8-r?q?x?=", "=?koi8-r?q?x?="), ("=?utf-8?q?open", "=?utf-8?q?open"),
      ("ISO-8859-1'de'gr%FC%DFe.txt", "grüße.txt"), ("it's'100%", "it's'100%"),
      ("a\u{202e}fdp.exe\r\nX: y", "afdp.exeX: y"), ("\u{1b}[31m", "[31m"),
    ])
  func names(bytes: String, name: String) {
    #expect(MessagePart(type: [], name: Array(bytes.utf8), size: 0).shownName == name)
  }

  @Test("a stub with texts is a message in which they can be found again")
  func stub() {
    let header = Array(
      "Message-ID: <1@x>\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n".utf8)
    let stub = StubMessage(header: header, size: 1 << 20, parts: scan(Self.nested))
    var scanner = PartScanner(textLimit: 1000)
    scanner.update(stub.bytes[...])
    let parts = scanner.finish()
    #expect(parts.map(\.text).first == Array("Content-Type: text/plain\r\n\r\none".utf8))
    #expect(parts.count == 2)
    let note = String(decoding: parts.last?.text ?? [], as: UTF8.self)
    #expect(
      note.contains("  a.txt, text/plain, 5 octets") && note.contains("  ä.pdf, application/pdf"))
    #expect(note.contains("charset=utf-8") && StubMark(header: stub.bytes)?.size == 1 << 20)
  }

  @Test(
    "a text that could end the stub, or that no server takes, is left out",
    arguments: ["\r\n--=_mboxsync_\(GlobalUID(high: 0, low: 0))", "\0", "no header"])
  func hostileText(text: String) {
    let header = Array("Subject: x\r\n\r\n".utf8)
    let own = "\(GlobalUID(identifier: header))"
    let bytes = Array(
      text.replacingOccurrences(of: "\(GlobalUID(high: 0, low: 0))", with: own).utf8)
    let full = text == "no header" ? bytes : Array("A: b\r\n\r\n".utf8) + bytes
    let part = MessagePart(type: Array("text/plain".utf8), name: nil, size: 9, text: full)
    let stub = StubMessage(header: header, size: 1 << 20, parts: [part])
    #expect(!String(decoding: stub.bytes, as: UTF8.self).contains("multipart"))
  }

  @Test("a stub is never larger than is said")
  func size() {
    let name = [UInt8](repeating: 0xe4, count: 5000)
    let text = Array("A: b\r\n\r\n".utf8) + [UInt8](repeating: 0x61, count: 70_000)
    let parts = (0..<60).map { _ in
      MessagePart(type: Array("text/plain".utf8), name: name, size: .max, text: text)
    }
    let line = Array("X: y\n".utf8)
    let header = Array(
      [[UInt8]](repeating: line, count: 20_000).joined().prefix(StubMessage.headerLimit))
    let stub = StubMessage(header: header, size: .max, parts: parts)
    #expect(UInt64(stub.bytes.count) <= StubMessage.sizeLimit)
  }
}
