/// Pieces of commands.
enum CommandText {
  // quoted = DQUOTE *QUOTED-CHAR DQUOTE                                     RFC 9051 §9
  static func quoted(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    var result = [UInt8(ascii: "\"")]
    for byte in bytes {
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
        result.append(UInt8(ascii: "\\"))
      }
      result.append(byte)
    }
    result.append(UInt8(ascii: "\""))
    return result
  }
}
