import Foundation
import IMAPClient
import Testing

@Suite("Commands") struct CommandStreamTests {
  private func start(_ command: String) throws -> StreamDriver {
    StreamDriver(stream: try CommandStream(command: command))
  }

  @Test func echo() throws {
    let driver = try start("cat")
    try driver.write("* PREAUTH hello\r\n")
    #expect(try driver.readText(17) == "* PREAUTH hello\r\n")
    #expect(driver.stream.bytesWritten == 17)
    #expect(driver.stream.bytesRead == 17)
    driver.stream.close()
  }

  @Test("more than a pipe holds, both ways") func large() throws {
    let driver = try start("head -c 3000000 /dev/zero")
    #expect(try driver.read(.max).count == 3_000_000)
    #expect(try driver.readText() == "")
    driver.stream.close()
  }

  @Test(
    "a command that fails says how",
    arguments: [
      ("exit 127", TransportError.cannotConnect("the command exited with status 127")),
      ("kill -9 $$", .cannotConnect("the command was ended by signal 9")),
      ("echo hello; exit 3", .broken("the command exited with status 3")),
    ])
  func failing(command: String, failure: TransportError) throws {
    let driver = try start(command)
    #expect(throws: failure) { while true { if try driver.read(1).isEmpty { return } } }
    driver.stream.close()
  }

  @Test("a command that ends well has just ended") func success() throws {
    let driver = try start("echo done")
    #expect(try driver.readText() == "done\n")
    driver.stream.close()
  }

  @Test("writing to a command that is gone is an error, not the end") func brokenPipe() throws {
    let driver = try start("exec 0<&-; echo gone; exit 5")
    #expect(try driver.readText(5) == "gone\n")
    #expect(throws: TransportError.broken("the command exited with status 5")) {
      while true { try driver.write("x\r\n") }
    }
    driver.stream.close()
  }

  @Test(
    "closing ends whatever it is, soon, and leaves no zombie",
    arguments: [
      "exec cat", "exec sleep 1000", "trap '' TERM; while :; do :; done", "exec yes",
      "trap '' TERM PIPE; yes 2>&-; while :; do :; done", "exec 1>&- sleep 1000",
    ])
  func closing(command: String) throws {
    let driver = try start("echo $$; " + command)
    let number = try #require(Int32(try readLine(driver)))
    let deadline = Deadline.after(milliseconds: 4000)
    driver.stream.close()
    #expect(!deadline.hasPassed)
    // Neither running nor waiting to be reaped.
    #expect(kill(number, 0) == -1 && errno == ESRCH)
    driver.stream.close()
  }

  private func readLine(_ driver: StreamDriver) throws -> String {
    var byByte = driver
    byByte.readSize = 1
    var line = ""
    while true {
      let next = try byByte.readText(1)
      if next.isEmpty || next == "\n" { return line }
      line += next
    }
  }

  @Test("it inherits nothing of other streams") func descriptors() throws {
    let other = try start("cat")
    let (read, write) = other.stream.pollDescriptors
    let pipes = try [read, write].map {
      try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
    }
    let driver = try start("ls -l /proc/self/fd")
    let text = try driver.readText()
    #expect(text.contains(" 1 -> pipe:"))
    for pipe in pipes { #expect(!text.contains(pipe)) }
    driver.stream.close()
    other.stream.close()
  }

  @Test("it is started with the default signals") func signals() throws {
    let driver = try start("grep -E '^Sig(Blk|Ign)' /proc/self/status")
    let lines = try driver.readText().split(separator: "\n")
    #expect(lines.contains("SigBlk:\t0000000000000000"))
    let ignored = try #require(lines.first { $0.hasPrefix("SigIgn") }?.split(separator: "\t").last)
    let mask = try #require(UInt64(ignored, radix: 16))
    #expect(mask & 1 << UInt64(SIGPIPE - 1) == 0)
    driver.stream.close()
  }
}
