import Glibc

/// A thread that does something now and then.
enum Ticker {
  private final class Body: @unchecked Sendable {
    let milliseconds: UInt32
    let body: @Sendable () -> Bool

    init(_ milliseconds: UInt32, _ body: @escaping @Sendable () -> Bool) {
      self.milliseconds = milliseconds
      self.body = body
    }
  }

  /// Until `body` returns false. Where the system has no more threads, nothing is done.
  static func start(milliseconds: UInt32, _ body: @escaping @Sendable () -> Bool) {
    let argument = Unmanaged.passRetained(Body(milliseconds, body))
    var id = pthread_t()
    let status = pthread_create(
      &id, nil,
      { argument in
        if let argument {
          let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
          repeat { usleep(body.milliseconds * 1000) } while body.body()
        }
        return nil
      }, argument.toOpaque())
    if status == 0 {
      pthread_detach(id)
    } else {
      argument.release()
    }
  }
}
