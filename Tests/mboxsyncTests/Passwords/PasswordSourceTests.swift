import Foundation
import IMAPClient
import SyncEngine
import TestSupport
import Testing

@testable import mboxsync

@Suite("Password sources") struct PasswordSourceTests {
  private func source(
    key: EndpointSettings.PasswordKey? = nil, environment: String? = nil, netrc: String? = nil
  ) -> PasswordSource {
    PasswordSource(
      PasswordSource.Request(
        side: .right, key: key, host: "h", user: "u", fromEnvironment: environment,
        netrcPath: netrc, endpoint: "imaps://u@h"), cancellation: Cancellation())
  }

  @Test(
    "a command's first line",
    arguments: [
      (#"printf 'p\303\244"5 5\\w%%r#d;\n\nsecond\n'"#, "p\u{e4}\"5 5\\w%r#d;"),
      ("printf secret", "secret"), (#"printf 'secret\r\n'"#, "secret"),
      ("printf 'a b '", "a b "), ("echo secret; echo noise >&2", "secret"),
    ])
  func command(_ command: String, _ password: String) throws {
    #expect(try source(key: .command(command + " 2>/dev/null")).password() == Array(password.utf8))
  }

  @Test(
    "a command that fails is named with its status and never with its output",
    arguments: [
      ("echo hunter2; exit 3", "exited with status 3"), ("kill -9 $$", "killed by signal 9"),
      ("true", "printed no password"), ("echo; echo hunter2", "printed no password"),
    ])
  func failingCommand(_ command: String, _ complaint: String) {
    let error = #expect(throws: PasswordError.self) {
      try source(key: .command(command)).password()
    }
    #expect(error?.message.contains(complaint) == true)
    #expect(error?.message.contains("hunter2") == false)
  }

  @Test("a command is run once")
  func once() throws {
    try withTemporaryDirectory { scratch in
      let source = source(key: .command("echo x >>'\(scratch.path)/runs'; echo secret"))
      _ = try source.password()
      #expect(try source.password() == Array("secret".utf8))
      #expect(try String(contentsOfFile: scratch.path("runs"), encoding: .utf8) == "x\n")
    }
  }

  @Test("a command is ended when the run is to stop")
  func stopped() throws {
    let cancellation = Cancellation()
    cancellation.request()
    let outcome = try Subprocess.run(
      "exec sleep 20", output: .captured, cancellation: cancellation)
    #expect(!outcome.succeeded)
  }

  @Test(
    "a file is refused if others may read it", arguments: [0o644, 0o640, 0o604, 0o620] as [mode_t])
  func openFile(_ mode: mode_t) throws {
    try withTemporaryDirectory { scratch in
      let path = try scratch.write("secret\n", to: "password", mode: mode)
      let error = #expect(throws: PasswordError.self) {
        try source(key: .file(path)).password()
      }
      #expect(error?.message.contains(path) == true)
      chmod(path, 0o600)
      #expect(try source(key: .file(path)).password() == Array("secret".utf8))
    }
  }

  @Test("a file that is missing, empty or a directory is named")
  func badFile() throws {
    try withTemporaryDirectory { scratch in
      let empty = try scratch.write("\n", to: "empty", mode: 0o600)
      for path in [scratch.path("none"), empty, scratch.path] {
        let error = #expect(throws: PasswordError.self) {
          try source(key: .file(path)).password()
        }
        #expect(error?.message.contains(path) == true)
      }
    }
  }

  @Test("without a key: the environment, then ~/.netrc")
  func surroundings() throws {
    try withTemporaryDirectory { scratch in
      let path = try scratch.write(
        "machine h login u password secret\n", to: "netrc", mode: 0o600)
      #expect(try source(environment: "first", netrc: path).password() == Array("first".utf8))
      #expect(try source(netrc: path).password() == Array("secret".utf8))
      chmod(path, 0o644)
      let error = #expect(throws: PasswordError.self) { try source(netrc: path).password() }
      #expect(error?.advice.contains("chmod 600") == true)
    }
  }
}
