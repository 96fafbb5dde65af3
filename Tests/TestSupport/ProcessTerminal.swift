import CLinux
import Foundation

/// A program on a terminal of its own, as a person sits before it.
public final class TerminalSession {
  /// The end of the person.
  private let master: Int32
  private let child: ChildProcess
  private var bytes: [UInt8] = []
  /// How much of it a wait has passed.
  private var passed = 0

  public init(_ arguments: [String], environment: [String: String], columns: Int = 80) throws {
    master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)
    guard master >= 0, grantpt(master) == 0, unlockpt(master) == 0, let name = ptsname(master)
    else { throw TestFailure("no terminal: \(String(cString: strerror(errno)))") }
    let terminal = String(cString: name)
    TerminalSession.setColumns(columns, master)
    child = try ChildProcess(
      arguments, environment: environment, input: .terminal(terminal), output: .terminal(terminal),
      error: .terminal(terminal))
  }

  deinit {
    child.end()
    close(master)
  }

  /// Everything that was shown so far.
  public var transcript: String { String(decoding: bytes, as: UTF8.self) }

  /// What a terminal of so many columns shows of it.
  public func screen(columns: Int) -> TerminalScreen {
    var screen = TerminalScreen(columns: columns)
    screen.take(transcript)
    return screen
  }

  public func type(_ text: String) throws {
    let typed = Array(text.utf8)
    guard write(master, typed, typed.count) == typed.count else {
      throw TestFailure("the terminal takes nothing")
    }
  }

  /// Waits for a question and answers it with a line.
  public func answer(_ question: String, _ line: String) throws {
    try wait(for: question)
    try type(line + "\n")
  }

  /// Waits until this was shown, behind what was waited for before.
  public func wait(for text: String, seconds: Double = patience) throws {
    let wanted = Array(text.utf8)
    let deadline = Date.now + seconds
    while true {
      if let end = TerminalSession.end(of: wanted, in: bytes, from: passed) {
        passed = end
        return
      }
      let isOpen = try readMore()
      guard isOpen, Date.now < deadline else {
        throw TestFailure("“\(text)” was not shown, but: \(transcript.suffix(3000))")
      }
    }
  }

  /// Waits for the program's end.
  @discardableResult
  public func finish(seconds: Double = patience) throws -> ExitStatus {
    let deadline = Date.now + seconds
    while try readMore() {
      if Date.now > deadline { throw TestFailure("no end, but: \(transcript.suffix(3000))") }
    }
    return try child.wait(seconds: seconds)
  }

  public func resize(columns: Int) {
    TerminalSession.setColumns(columns, master)
    child.signal(SIGWINCH)
  }

  private static func setColumns(_ columns: Int, _ master: Int32) {
    var size = winsize(ws_row: 24, ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
    _ = ioctl(master, UInt(TIOCSWINSZ), &size)
  }

  /// - Returns: false once the program has closed the terminal.
  private func readMore() throws -> Bool {
    var wait = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
    guard poll(&wait, 1, 100) > 0 else { return true }
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    let count = read(master, &piece, piece.count)
    if count < 0 && errno == EINTR { return true }
    guard count > 0 else { return false }
    bytes += piece[..<count]
    return true
  }

  private static func end(of wanted: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
    guard bytes.count >= start + wanted.count, !wanted.isEmpty else { return nil }
    for index in start...(bytes.count - wanted.count)
    where bytes[index] == wanted[0] && bytes[index..<(index + wanted.count)].elementsEqual(wanted) {
      return index + wanted.count
    }
    return nil
  }
}

/// What a terminal shows: as much of one as this program uses. Every character takes one column.
public struct TerminalScreen {
  public private(set) var lines: [String] = [""]
  private let columns: Int
  private var row = 0
  private var column = 0

  public init(columns: Int) { self.columns = columns }

  public mutating func take(_ text: String) {
    var rest = text.unicodeScalars[...]
    while let scalar = rest.popFirst() {
      switch scalar {
      case "\r": column = 0
      case "\n": moveDown()
      case "\u{1b}": escape(&rest)
      default: put(Character(scalar))
      }
    }
  }

  private mutating func escape(_ rest: inout Substring.UnicodeScalarView.SubSequence) {
    guard rest.popFirst() == "[" else { return }
    var digits = ""
    while let scalar = rest.popFirst() {
      if scalar.value >= 0x40 {
        control(scalar, Int(digits) ?? 0)
        return
      }
      digits.unicodeScalars.append(scalar)
    }
  }

  private mutating func control(_ letter: Unicode.Scalar, _ number: Int) {
    switch letter {
    case "A": row = max(0, row - max(1, number))
    case "K": lines[row] = String(lines[row].prefix(column))
    case "J":
      lines[row] = String(lines[row].prefix(column))
      lines.removeSubrange((row + 1)...)
    default: break
    }
  }

  private mutating func put(_ character: Character) {
    if column >= columns {
      column = 0
      moveDown()
    }
    var line = Array(lines[row])
    while line.count <= column { line.append(" ") }
    line[column] = character
    lines[row] = String(line)
    column += 1
  }

  private mutating func moveDown() {
    row += 1
    if row == lines.count { lines.append("") }
  }
}
