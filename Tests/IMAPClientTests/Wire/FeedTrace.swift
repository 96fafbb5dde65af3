@testable import IMAPClient

/// What a reader made of some bytes: bodies in one piece, whatever pieces they came in.
struct FeedTrace: Equatable {
  enum Entry: Equatable {
    case response(Response)
    case body(begun: FetchResponse, size: UInt64, bytes: [UInt8], isWhole: Bool)
  }

  private(set) var entries: [Entry] = []
  private(set) var error: ParseError?

  /// - Parameter cuts: lengths of the pieces, in turn; the last piece is what remains.
  init(
    _ bytes: [UInt8], cuts: some Sequence<Int> = [], limits: WireLimits = .standard
  ) {
    var reader = ResponseReader(limits: limits)
    var rest = bytes[...]
    for cut in cuts where error == nil && !rest.isEmpty {
      feed(Array(rest.prefix(cut)), to: &reader)
      rest = rest.dropFirst(cut)
    }
    if error == nil { feed(Array(rest), to: &reader) }
  }

  init(_ text: String, cuts: some Sequence<Int> = [], limits: WireLimits = .standard) {
    self.init(Array(text.utf8), cuts: cuts, limits: limits)
  }

  private mutating func feed(_ bytes: [UInt8], to reader: inout ResponseReader) {
    do throws(ParseError) {
      try bytes.withBytes { piece throws(ParseError) in
        try reader.feed(piece) { take($0) }
      }
    } catch {
      self.error = error
    }
  }

  private mutating func take(_ event: WireEvent) {
    switch event {
    case .response(let response): entries.append(.response(response))
    case .bodyBegins(let begun, let size):
      entries.append(.body(begun: begun, size: size, bytes: [], isWhole: false))
    case .bodyBytes(let piece): changeBody { $0 + Array(piece) }
    case .bodyEnds: changeBody(isWhole: true) { $0 }
    }
  }

  private mutating func changeBody(isWhole: Bool = false, _ change: ([UInt8]) -> [UInt8]) {
    guard case .body(let begun, let size, let bytes, false)? = entries.popLast() else { return }
    entries.append(.body(begun: begun, size: size, bytes: change(bytes), isWhole: isWhole))
  }
}
