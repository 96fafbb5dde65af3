import Glibc
import Simulation

/// What is left of an operating system here.
enum Output {
  static func error(_ text: String) { write(text, to: STDERR_FILENO) }

  static func print(_ text: String) { write(text, to: STDOUT_FILENO) }

  static func exit(_ status: Int32) -> Never { Glibc.exit(status) }

  /// Seconds on a clock that never goes back.
  static var seconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  static func read(_ path: String) throws(Arguments.Misuse) -> String {
    guard let file = fopen(path, "r") else {
      throw Arguments.Misuse(description: "\(path) can't be read")
    }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    while case let byte = fgetc(file), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }
}

/// One history, told.
enum Tale {
  /// - Returns: whether everything held.
  static func tell(_ history: History, calls: Bool, shortens: Bool) -> Bool {
    let replay = Replay(history)
    replay.tellsStory = true
    replay.tellsCalls = calls
    let isRight = replay.play()
    Output.print(history.text + "\n" + replay.story)
    guard !isRight, shortens else { return isRight }
    let short = Shrinking.shorten(history)
    let again = Replay(short)
    again.tellsStory = true
    again.tellsCalls = calls
    again.play()
    Output.print("\nShortened:\n\n" + short.text + "\n" + again.story)
    return false
  }
}
