import Foundation
import Glibc
import IMAPClient
import Synchronization
import TestSupport
import Testing

@testable import SyncEngine

/// A clock that stands, and what happens just before it is read for the n-th time: then the process is not let run for a second.
private final class InterruptingClock: Sendable {
  private struct State {
    var nanoseconds: Int64?
    var callsLeft: Int?
    var action: (@Sendable () -> Void)?
  }
  private let state = Mutex(State())

  func stand(
    at nanoseconds: Int64, interruptingCall number: Int, _ action: @escaping @Sendable () -> Void
  ) {
    state.withLock {
      $0.nanoseconds = nanoseconds
      $0.callsLeft = number
      $0.action = action
    }
  }

  /// Whether the clock was read so often.
  var hasInterrupted: Bool { state.withLock { $0.callsLeft == 0 } }

  var surroundings: MaildirSurroundings {
    var result = MaildirSurroundings.machine
    result.leastWatched = 0
    result.now = { [self] in read() }
    // Up to a clock tick behind.
    result.fileTime = { [self] in read() - 1_000_000 }
    result.pause = { [self] duration in state.withLock { $0.nanoseconds? += duration } }
    return result
  }

  private func read() -> Int64 {
    let action = state.withLock { state -> (@Sendable () -> Void)? in
      guard let left = state.callsLeft, left > 0 else { return nil }
      state.callsLeft = left - 1
      return left == 1 ? state.action : nil
    }
    action?()
    return state.withLock { state in
      if action != nil { state.nanoseconds? += MaildirSurroundings.second }
      return state.nanoseconds ?? MaildirSurroundings.machine.now()
    }
  }
}

@Suite("The Maildir endpoint: what happens between two steps")
struct MaildirRaceTests {
  private func continued() -> OpenRequest {
    var request = OpenRequest()
    request.isContinued = true
    return request
  }

  @Test(
    "what comes in the same clock tick is seen, or the next run is not told that all is as it was",
    arguments: [false, true])
  func sameTick(isContinued: Bool) throws {
    var number = 1
    while true {
      let clock = InterruptingClock()
      let isDone = try withTemporaryDirectory { directory in
        let maildir = try MaildirFixture(directory, surroundings: clock.surroundings)
        try maildir.prepare()
        try maildir.save("A: 1\r\n\r\n", flags: flags([.seen]))
        if isContinued {
          _ = try maildir.open()
          try maildir.save("A: 2\r\n\r\n", flags: flags([.seen]))
        }
        let cur = "\(maildir.root)/cur"
        let time = try Directory(path: cur).status().modified
        let other = "\(cur)/1.other:2,"
        clock.stand(at: time + 1_000_000, interruptingCall: number) {
          _ = FileManager.default.createFile(atPath: other, contents: Data("A: 9\n\n".utf8))
          try? Directory(path: cur).setModified(time)
        }
        let seen = try maildir.endpoint.open(
          .inbox, isContinued ? continued() : OpenRequest())
        guard clock.hasInterrupted else { return true }
        let isSeen = seen.coverage == .full && seen.messages.count == (isContinued ? 3 : 2)
        #expect(isSeen || seen.anchor.stamp == nil, "call \(number)")
        return false
      }
      if isDone { break }
      number += 1
    }
    #expect(number > 2)
  }

  @Test(
    "so is what is renamed in the clock tick in which the run's own messages make a folder large")
  func growing() throws {
    var number = 1
    while true {
      let clock = InterruptingClock()
      let isDone = try withTemporaryDirectory { directory in
        var surroundings = clock.surroundings
        surroundings.leastWatched = 3
        let maildir = try MaildirFixture(directory, surroundings: surroundings)
        try maildir.prepare()
        try maildir.save("A: 1\r\n\r\n", flags: flags([.seen]))
        _ = try maildir.open()
        let path = "\(maildir.root)/cur"
        let file = try "\(path)/\(#require(maildir.names("cur").first))"
        let time = try Directory(path: path).status().modified
        clock.stand(at: time + 1_000_000, interruptingCall: number) {
          guard let cur = try? Directory(path: path), let time = try? cur.status().modified else {
            return
          }
          rename(file, "\(file)T")
          try? cur.setModified(time)
        }
        for number in 2...4 { try maildir.save("A: \(number)\r\n\r\n", flags: flags([.seen])) }
        let seen = try maildir.endpoint.open(.inbox, continued())
        guard clock.hasInterrupted else { return true }
        let isSeen = seen.coverage == .full && seen.flags(of: 1) == flags([.seen, .deleted])
        #expect(isSeen || seen.anchor.stamp == nil, "call \(number)")
        return false
      }
      if isDone { break }
      number += 1
    }
    #expect(number > 9)
  }

  @Test("the time of cur alone was changed: what is put there is known all the same")
  func touched() throws {
    var surroundings = MaildirSurroundings.machine
    surroundings.leastWatched = 0
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory, surroundings: surroundings)
      try maildir.prepare()
      try maildir.save("A: 1\r\n\r\n")
      _ = try maildir.open()
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 1_000_000)],
        ofItemAtPath: "\(maildir.root)/cur")
      for number in 2...4 { try maildir.save("A: \(number)\r\n\r\n") }
      let seen = try maildir.endpoint.open(.inbox, continued())
      #expect(seen.anchor.messages == 4)
      #expect(try maildir.endpoint.expunge(uids(1)) == uids(1))
      #expect(try maildir.endpoint.describe(uids(2, 3, 4)).count == 3)
      #expect(try maildir.another().open(.inbox, OpenRequest()).uids == [2, 3, 4])
    }
  }

  @Test("a folder that could not be read is not taken for an empty one") func unread() throws {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory)
      try maildir.prepare()
      for number in 1...3 { try maildir.save("A: \(number)\r\n\r\n") }
      _ = try maildir.open()
      try maildir.rename("dovecot-uidlist", to: "aside")
      try maildir.makeFolder("dovecot-uidlist")
      #expect(throws: EndpointError.self) { _ = try maildir.open() }
      try maildir.remove("dovecot-uidlist")
      try maildir.rename("aside", to: "dovecot-uidlist")
      #expect(try maildir.endpoint.expunge(uids(1)) == uids(1))
      #expect(maildir.names("new").count == 2)
      #expect(try maildir.open().uids == [2, 3])
    }
  }

  @Test("the keywords of messages whose UIDs were taken are not taken for written")
  func keywordsOfRefused() throws {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory)
      try maildir.prepare()
      try maildir.save("A: 1\r\n\r\n", flags: flags([], "One"))
      _ = try maildir.open()
      let taken = try maildir.save("A: 2\r\n\r\n", flags: flags([], "Two"), target: 1)
      #expect(taken == .targetTaken)
      try maildir.save("A: 2\r\n\r\n", flags: flags([], "Two"))
      #expect(maildir.text("dovecot-keywords").lowercased() == "0 one\n1 two\n")
      let seen = try maildir.another().open(.inbox, OpenRequest())
      #expect(seen.flags(of: 2) == flags([], "Two"))
    }
  }

  @Test("a mailbox that was made anew is not the one whose UIDs are meant") func anew() throws {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory)
      let name = try mailbox("A")
      try maildir.prepare()
      try maildir.prepare(name)
      let other = try maildir.another()
      try other.delete(name)
      try other.create(name, specialUse: nil)
      _ = try other.open(name, OpenRequest())
      try other.adopt(try #require(UIDValidity(78)), uidNext: .first, isServers: false)
      _ = try maildir.open()
      maildir.endpoint.expect(try #require(UIDValidity(77)), of: name)
      let error = #expect(throws: EndpointError.self) { try maildir.endpoint.select(name) }
      #expect(error?.code == .mailboxGone)
    }
  }
}
