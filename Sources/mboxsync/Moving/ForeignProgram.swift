/// A program whose configuration can be translated.
enum ForeignProgram: Hashable, Sendable {
  case mbsync
  case offlineIMAP

  /// - Parameter path: for messages.
  func translate(_ bytes: [UInt8], path: String) throws(MovingError) -> MovedConfiguration {
    switch self {
    case .mbsync: try MbsyncTranslation.translate(bytes, path: path)
    case .offlineIMAP: try OfflineIMAPTranslation.translate(bytes, path: path)
    }
  }

  /// The lines of a file, whose ends may be those of Windows: to a `String` such an end is one character, and no newline.
  static func lines(_ bytes: [UInt8]) -> [Substring] {
    bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
      Substring(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
    }
  }
}

extension InitVerb {
  /// The configuration of another program, translated; `nil` if none was named.
  func translated() throws(Complaint) -> Draft? {
    guard let (program, file) = invocation.movesFrom else { return nil }
    guard invocation.words.isEmpty, invocation.settings.isEmpty else {
      throw Complaint(
        UsageError(
          "with '--from-...' no NAME, ENDPOINT or '--set' can be given: edit the file that it makes"
        ))
    }
    let bytes: [UInt8]
    do { bytes = try FileReader.read(file).bytes } catch {
      throw Complaint(.configuration, "\(error)")
    }
    do {
      let moved = try program.translate(bytes, path: file)
      return Draft(
        text: moved.text, pair: moved.pairs.first ?? "", wasTried: false, asksForPassword: false,
        remarks: moved.remarks)
    } catch {
      throw Complaint(.configuration, "\(file):\(error.line): \(error.message)")
    }
  }
}
