import CLinux
import Glibc
import IMAPClient
import SyncEngine
import Synchronization

/// The terminal this program was started on.
enum Terminal {
  static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

  /// Columns of the terminal; 80 where nobody says.
  static func width(_ descriptor: Int32) -> Int {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// No answer has a reason to be longer.
  private static let lineLimit = 4096

  /// Both sides may ask at the same time.
  private static let turn = Mutex(())

  /// Asks without showing what is typed.
  ///
  /// - Returns: `nil` if there is no terminal, or a run that nobody watches: its input and its errors go
  ///   elsewhere.
  static func askForPassword(
    _ question: String, _ cancellation: Cancellation
  ) throws(PasswordError) -> [UInt8]? {
    try turn.withLock { (_) throws(PasswordError) in try ask(question, cancellation) }
  }

  private static func ask(
    _ question: String, _ cancellation: Cancellation
  ) throws(PasswordError) -> [UInt8]? {
    guard isTerminal(STDIN_FILENO) || isTerminal(STDERR_FILENO) else { return nil }
    let descriptor = open("/dev/tty", O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    guard HiddenInput.begin(descriptor) else { return nil }
    defer { HiddenInput.end() }
    write(descriptor, question)
    let answer = readLine(descriptor, cancellation)
    write(descriptor, "\n")
    guard let answer, !answer.isEmpty else {
      throw PasswordError(message: "no password was given", advice: "try again")
    }
    return answer
  }

  private static func write(_ descriptor: Int32, _ text: String) {
    let bytes = Array(text.utf8)
    _ = Glibc.write(descriptor, bytes, bytes.count)
  }

  /// What is typed up to the end of the line; `nil` if the run is to stop or the terminal is gone.
  static func readLine(_ descriptor: Int32, _ cancellation: Cancellation) -> [UInt8]? {
    var line: [UInt8] = []
    while !cancellation.isRequested {
      // A signal may be handled by another thread, so the wait is short.
      var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&wait, 1, 100) > 0 else { continue }
      var byte: UInt8 = 0
      guard read(descriptor, &byte, 1) == 1 else { return nil }
      if byte == 0x0a { return line }
      if line.count < lineLimit { line.append(byte) }
    }
    return nil
  }
}

/// Keeps the terminal from showing what is typed, and puts it back: also from a signal handler.
enum HiddenInput {
  private static let descriptor = Atomic<Int32>(-1)
  /// The address of the settings as they were; 0: none.
  private static let saved = Atomic<UInt>(0)

  static func begin(_ terminal: Int32) -> Bool {
    var settings = termios()
    guard tcgetattr(terminal, &settings) == 0 else { return false }
    let copy = UnsafeMutablePointer<termios>.allocate(capacity: 1)
    copy.initialize(to: settings)
    saved.store(UInt(bitPattern: copy), ordering: .releasing)
    descriptor.store(terminal, ordering: .releasing)
    settings.c_lflag &= ~tcflag_t(ECHO)
    guard tcsetattr(terminal, TCSAFLUSH, &settings) == 0 else {
      end()
      return false
    }
    return true
  }

  static func end() {
    restore()
    descriptor.store(-1, ordering: .releasing)
    let address = saved.exchange(0, ordering: .acquiringAndReleasing)
    UnsafeMutablePointer<termios>(bitPattern: address)?.deallocate()
  }

  /// Safe in a signal handler.
  static func restore() {
    let terminal = descriptor.load(ordering: .acquiring)
    let address = saved.load(ordering: .acquiring)
    guard terminal >= 0, let settings = UnsafeMutablePointer<termios>(bitPattern: address) else {
      return
    }
    tcsetattr(terminal, TCSAFLUSH, settings)
  }
}
