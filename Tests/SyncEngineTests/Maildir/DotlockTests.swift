import Foundation
import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

@Suite("Dovecot's lock files") struct DotlockTests {
  private func withDirectory(
    _ body: (TestSupport.TemporaryDirectory, Directory, TestClock) throws -> Void
  )
    throws
  {
    try withTemporaryDirectory { temporary in
      try body(temporary, Directory(path: temporary.path), TestClock())
    }
  }

  private let file = Array("list".utf8)
  private func lockPath(_ directory: TestSupport.TemporaryDirectory) -> String {
    directory.path("list.lock")
  }

  private func write(_ text: String, _ directory: TestSupport.TemporaryDirectory) throws {
    try directory.write(text, to: "list.lock")
  }

  @Test("made filled, gone afterwards, nothing left beside it") func simple() throws {
    try withDirectory { temporary, directory, clock in
      let surroundings = clock.surroundings()
      let lock = try Dotlock(guarding: file, in: directory, surroundings)
      let content = try String(contentsOfFile: lockPath(temporary), encoding: .utf8)
      #expect(
        content == "\(getpid()):\(String(decoding: surroundings.hostName, as: UTF8.self))")
      #expect(lock.isStillHeld)
      lock.release()
      #expect(try FileManager.default.contentsOfDirectory(atPath: temporary.path).isEmpty)
    }
  }

  @Test("waits for the living, then gives up and names them") func living() throws {
    try withDirectory { temporary, directory, clock in
      let surroundings = clock.surroundings()
      let host = String(decoding: surroundings.hostName, as: UTF8.self)
      try write("4242:\(host)", temporary)
      let error = #expect(throws: EndpointError.self) {
        _ = try Dotlock(guarding: file, in: directory, surroundings)
      }
      #expect(error?.code == .locked)
      #expect(error?.message.contains("4242") == true)
      #expect(clock.waited >= 122 && clock.waited < 125)
      #expect(FileManager.default.fileExists(atPath: lockPath(temporary)))
      #expect(try FileManager.default.contentsOfDirectory(atPath: temporary.path).count == 1)
    }
  }

  @Test("gets it when it is released") func released() throws {
    try withDirectory { temporary, directory, clock in
      let surroundings = clock.surroundings()
      try write("4242:\(String(decoding: surroundings.hostName, as: UTF8.self))", temporary)
      let path = lockPath(temporary)
      clock.at(seconds: 8) { unlink(path) }
      let lock = try Dotlock(guarding: file, in: directory, surroundings)
      #expect(clock.waited >= 8 && clock.waited <= 10)
      lock.release()
    }
  }

  @Test("breaks a dead process's lock once it is two seconds old") func dead() throws {
    try withDirectory { temporary, directory, clock in
      let surroundings = clock.surroundings(alive: { _ in false })
      try write("4242:\(String(decoding: surroundings.hostName, as: UTF8.self))", temporary)
      _ = try Dotlock(guarding: file, in: directory, surroundings)
      #expect(clock.waited >= 1 && clock.waited <= 4)
    }
  }

  @Test("breaks one left by an earlier process with our own id") func ownID() throws {
    try withDirectory { temporary, directory, clock in
      let surroundings = clock.surroundings()
      try write("\(getpid()):\(String(decoding: surroundings.hostName, as: UTF8.self))", temporary)
      _ = try Dotlock(guarding: file, in: directory, surroundings)
      #expect(clock.waited <= 4)
    }
  }

  @Test("two locks of one number are two") func counted() {
    var held = HeldLocks()
    for _ in 0..<2 { held.insert(7) }
    held.remove(7)
    held.remove(8)
    #expect(held.contains(7) && !held.contains(8))
    held.remove(7)
    held.remove(7)
    #expect(!held.contains(7))
  }

  @Test("another lane's lock of this process is respected") func ownLane() throws {
    try withDirectory { temporary, directory, clock in
      let surroundings = clock.surroundings()
      let first = try Dotlock(guarding: file, in: directory, surroundings)
      #expect(throws: EndpointError.self) {
        _ = try Dotlock(guarding: file, in: directory, surroundings)
      }
      #expect(first.isStillHeld)
    }
  }

  @Test(
    "breaks what can't be judged after 120 quiet seconds", arguments: ["1:elsewhere", "", "junk"])
  func foreign(_ content: String) throws {
    try withDirectory { temporary, directory, clock in
      try write(content, temporary)
      _ = try Dotlock(guarding: file, in: directory, clock.surroundings())
      #expect(clock.waited >= 120 && clock.waited <= 122)
    }
  }

  @Test("does not break it while the guarded file changes") func foreignAtWork() throws {
    try withDirectory { temporary, directory, clock in
      try write("1:elsewhere", temporary)
      let path = temporary.path("list")
      clock.at(seconds: 60) {
        _ = FileManager.default.createFile(atPath: path, contents: Data("x".utf8))
      }
      let error = #expect(throws: EndpointError.self) {
        _ = try Dotlock(guarding: file, in: directory, clock.surroundings())
      }
      #expect(error?.code == .locked)
    }
  }

  @Test("a lock that was broken by others is not released") func broken() throws {
    try withDirectory { temporary, directory, clock in
      let lock = try Dotlock(guarding: file, in: directory, clock.surroundings())
      unlink(lockPath(temporary))
      try write("1:elsewhere", temporary)
      #expect(!lock.isStillHeld)
      lock.release()
      #expect(FileManager.default.fileExists(atPath: lockPath(temporary)))
    }
  }

  @Test("waiting ends when the run is interrupted") func interrupted() throws {
    try withDirectory { temporary, directory, clock in
      try write("1:elsewhere", temporary)
      let cancellation = Cancellation()
      clock.at(seconds: 5) { cancellation.request() }
      let error = #expect(throws: EndpointError.self) {
        _ = try Dotlock(
          guarding: file, in: directory, clock.surroundings(), cancellation: cancellation)
      }
      #expect(error?.code == .interrupted)
      #expect(clock.waited < 10)
    }
  }

  @Test(
    "where much would be lost, waiting goes on for a moment after that", arguments: [2, 4, nil])
  func patient(_ released: Int64?) throws {
    try withDirectory { temporary, directory, clock in
      try write("1:elsewhere", temporary)
      let path = lockPath(temporary)
      let cancellation = Cancellation()
      clock.at(seconds: 60) { cancellation.request() }
      if let released { clock.at(seconds: 60 + released) { unlink(path) } }
      let lock = Result { () throws(EndpointError) in
        try Dotlock(
          guarding: file, in: directory, clock.surroundings(), cancellation: cancellation,
          patience: Dotlock.patience)
      }
      switch lock {
      case .success(let lock):
        #expect(released == 2)
        #expect(lock.isStillHeld)
        #expect(clock.waited <= 63)
      case .failure(let error):
        #expect(released != 2)
        #expect(error.code == .interrupted)
        // It may have been asleep for a second when it was asked to stop.
        #expect(clock.waited >= 63 && clock.waited <= 64)
      }
    }
  }

  @Test("a dead process's lock is broken before that moment is over") func patientWithTheDead()
    throws
  {
    try withDirectory { temporary, directory, clock in
      let surroundings = clock.surroundings(alive: { _ in false })
      try write("4242:\(String(decoding: surroundings.hostName, as: UTF8.self))", temporary)
      let cancellation = Cancellation()
      cancellation.request()
      let lock = try Dotlock(
        guarding: file, in: directory, surroundings, cancellation: cancellation,
        patience: Dotlock.patience)
      #expect(lock.isStillHeld)
    }
  }
}
