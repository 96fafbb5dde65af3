/// One part of a message that is none of several, as BODYSTRUCTURE tells of it. RFC 9051 §7.5.2.
public struct BodyPart: Hashable, Sendable {
  /// Its place, as in `BODY[1.2]`.
  public var section: [UInt32]
  /// In lower case: `text/plain`.
  public var type: [UInt8]
  /// The file's name as the message has it, encodings and all.
  public var name: [UInt8]?
  /// Octets as they are sent.
  public var size: UInt64
  /// Meant to be saved, not to be read. RFC 2183 §2.2.
  public var isAttachment: Bool
  /// The innermost multipart that it is in: `alternative`; empty if it is the whole message.
  public var parent: [UInt8]
  /// Which one of the message's multiparts that is.
  public var parentNumber: Int

  public init(
    section: [UInt32], type: [UInt8], name: [UInt8]? = nil, size: UInt64,
    isAttachment: Bool = false,
    parent: [UInt8] = [], parentNumber: Int = 0
  ) {
    self.section = section
    self.type = type
    self.name = name
    self.size = size
    self.isAttachment = isAttachment
    self.parent = parent
    self.parentNumber = parentNumber
  }

  /// No more parts of a message are told of.
  public static let limit = 200

  /// `1.2`
  public var sectionText: String { section.map(String.init).joined(separator: ".") }
}
