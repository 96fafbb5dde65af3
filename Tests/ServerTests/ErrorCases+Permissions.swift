import Foundation
import TestSupport

extension ErrorCase {
  static let permissions = [
    ErrorCase("the configuration may not be read") { try lock("config-file", mode: 0, in: $0) },
    ErrorCase("the state may not be written") { stage in
      let locked = try SyncedMaildirs(stage, "locked-state", messages: 1)
      let closed = try stage.directory.directory("locked-state/closed")
      chmod(closed, 0o500)
      return try locked.runUnprivileged("--state", "\(closed)/state")
    },
    ErrorCase("a Maildir may not be looked at") { try lock("l", mode: 0, in: $0) },
    ErrorCase("a mailbox may not be looked at") { try lock("l/cur", mode: 0, in: $0) },
    ErrorCase("a mailbox lies on a disk that is not mounted") { stage in
      let synced = try SyncedMaildirs(stage, "far", messages: 1, in: "l/.Work")
      try FileManager.default.moveItem(atPath: synced.path("l/.Work"), toPath: synced.path("away"))
      try FileManager.default.createSymbolicLink(
        atPath: synced.path("l/.Work"), withDestinationPath: synced.path("disk"))
      return try synced.run()
    },
    ErrorCase("a mailbox may not be written") {
      try lock("r", mode: 0o555, in: $0, delivers: true)
    },
    ErrorCase("a message may not be written") {
      try lock("r/tmp", mode: 0o555, in: $0, delivers: true)
    },
    ErrorCase("a message may not be read") { stage in
      let synced = try SyncedMaildirs(stage, "locked-message", messages: 1)
      try stage.directory.write("Subject: new\n\n", to: "locked-message/l/new/1.new", mode: 0)
      return try synced.runUnprivileged()
    },
  ]

  /// Two synced Maildirs, something of which gets this mode.
  private static func lock(
    _ name: String, mode: mode_t, in stage: ErrorStage, delivers: Bool = false
  ) throws -> ProgramResult {
    let folder = "locked-" + name.replacingOccurrences(of: "/", with: "-")
    let synced = try SyncedMaildirs(stage, folder, messages: 1)
    if delivers { try stage.directory.write("Subject: new\n\n", to: "\(folder)/l/new/1.new") }
    let path = synced.path(name == "config-file" ? "config" : name)
    chmod(path, mode)
    defer { chmod(path, 0o700) }
    return try synced.runUnprivileged()
  }
}
