/// Randomness for names that must not be guessed or met twice; nothing that is decided depends on it.
enum RandomBytes {
  static func hexadecimal(count: Int) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var generator = SystemRandomNumberGenerator()
    let text = (0..<2 * count).map { _ in digits[Int.random(in: 0..<16, using: &generator)] }
    return String(decoding: text, as: UTF8.self)
  }
}
