import Synchronization

/// A value that whoever asks first makes; others wait for it.
final class Once<Value>: @unchecked Sendable {
  private let make: () -> Value
  private let made = Mutex<Value?>(nil)

  init(_ make: @escaping () -> Value) { self.make = make }

  var value: Value {
    made.withLock { known in
      if let known { return known }
      let value = make()
      known = value
      return value
    }
  }
}
