import CLinux
import Glibc
import Synchronization

/// What the Maildir endpoint takes from the machine it runs on; tests put their own in its place.
struct MaildirSurroundings: Sendable {
  /// Nanoseconds since 1970.
  var now: @Sendable () -> Int64
  /// Nanoseconds that pass whatever is done to the clock.
  var uptime: @Sendable () -> Int64
  /// Nanoseconds since 1970 as file systems of this machine have them: what is changed now gets this time or a later one.
  var fileTime: @Sendable () -> Int64
  var pause: @Sendable (Int64) -> Void
  var hostName: [UInt8]
  var processID: Int32
  var isAlive: @Sendable (Int32) -> Bool
  /// Folders with fewer messages are read again sooner than a watch on them is set up.
  var leastWatched = 2_000

  static let second: Int64 = 1_000_000_000

  static let machine = MaildirSurroundings(
    now: { read(CLOCK_REALTIME) }, uptime: { read(CLOCK_MONOTONIC) },
    fileTime: { read(CLOCK_REALTIME_COARSE) },
    pause: { nanoseconds in
      var time = timespec(nanoseconds: nanoseconds)
      nanosleep(&time, nil)
    },
    hostName: readHostName(), processID: getpid(),
    // EPERM: it is there and someone else's.
    isAlive: { kill($0, 0) == 0 || errno != ESRCH })

  /// A number that was not given before in this process.
  static func serial() -> UInt64 {
    serials.wrappingAdd(1, ordering: .relaxed).newValue
  }

  private static let serials = Atomic<UInt64>(0)

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * second + Int64(time.tv_nsec)
  }

  private static func readHostName() -> [UInt8] {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return Array("localhost".utf8) }
    let name = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return name.isEmpty ? Array("localhost".utf8) : name
  }
}

extension MaildirSurroundings {
  /// A base name that no other file has: the time, this process, a serial number, this machine.
  func uniqueBase() -> FileName {
    let now = now()
    let host = hostName.map { byte -> UInt8 in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"):
        byte
      default: UInt8(ascii: "_")
      }
    }
    let seconds = now / MaildirSurroundings.second
    let microseconds = now % MaildirSurroundings.second / 1_000
    return Array(
      "\(seconds).M\(microseconds)P\(processID)Q\(MaildirSurroundings.serial()).".utf8)
      + host.prefix(64)
  }

  /// A modification time for a file written now in the place of one of time `old`: later in any case,
  /// also where the file system keeps whole seconds only.
  func later(than old: Int64) -> Int64 {
    let now = now()
    let second = MaildirSurroundings.second
    if now / second > old / second { return now }
    return now > old && old % second != 0 ? now : old &+ second
  }
}
