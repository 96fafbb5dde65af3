import Foundation

/// How long anything is waited for before a test gives up: not a time that anything is expected to take.
public let patience: Double = 240

/// Waits for a condition.
public func waitUntil(_ condition: () throws -> Bool) throws {
  let deadline = Date.now + patience
  while try !condition() {
    guard Date.now < deadline else { throw TestFailure("waited in vain") }
    usleep(1_000)
  }
}
