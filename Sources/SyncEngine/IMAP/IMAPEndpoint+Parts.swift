import IMAPClient

extension IMAPEndpoint {
  func parts(
    of handles: [MessageHandle], textLimit: Int
  ) throws(EndpointError) -> [MessageHandle: [MessagePart]] {
    _ = try selectOpen()
    let uids = UIDSet(handles.compactMap(\.uid))
    var structures: [UID: [BodyPart]] = [:]
    observer.begin()
    observer.onParts = { response in
      guard let uid = response.uid, uids.contains(uid), let parts = response.structure else {
        return
      }
      structures[uid] = parts
    }
    try pipeline(
      uids.pieces(limit: 1000).map { .fetch($0, ["UID", "BODYSTRUCTURE"]) }, to: "show parts")
    let texts = try texts(of: structures, textLimit: textLimit)
    var result: [MessageHandle: [MessagePart]] = [:]
    for (uid, parts) in structures {
      result[.uid(uid)] = parts.map { part in
        MessagePart(
          type: part.type, name: part.name, size: part.size,
          text: texts[TextPlace(uid: uid, section: part.sectionText)])
      }
    }
    return result
  }

  private struct TextPlace: Hashable {
    var uid: UID
    var section: String
  }

  /// Each with its own header.
  private func texts(
    of structures: [UID: [BodyPart]], textLimit: Int
  ) throws(EndpointError) -> [TextPlace: [UInt8]] {
    // Messages with equal wishes share a command.
    var wishes: [[String]: [UID]] = [:]
    for (uid, parts) in structures {
      let wanted = MessagePart.wanted(parts, textLimit: textLimit).map { parts[$0].sectionText }
      if !wanted.isEmpty { wishes[wanted, default: []].append(uid) }
    }
    guard !wishes.isEmpty else { return [:] }
    var texts: [TextPlace: [UInt8]] = [:]
    observer.begin()
    observer.onParts = { response in
      guard let uid = response.uid, structures[uid] != nil else { return }
      for (section, header) in response.sections where section.hasSuffix(".MIME") {
        let name = String(section.dropLast(5))
        guard let body = response.sections[name], body.count <= textLimit else { continue }
        let end: [UInt8] =
          header.isEmpty
            || !header.suffix(4).elementsEqual([13, 10, 13, 10]) && header != [13, 10]
          ? [13, 10] : []
        texts[TextPlace(uid: uid, section: name)] = header + end + body
      }
    }
    let commands = wishes.sorted { $0.key.lexicographicallyPrecedes($1.key) }.flatMap {
      sections, uids in
      UIDSet(uids.sorted()).pieces(limit: 1000).map { piece in
        Command.fetch(
          piece,
          ["UID"]
            + sections.flatMap { ["BODY.PEEK[\($0).MIME]", "BODY.PEEK[\($0)]<0.\(textLimit)>"] })
      }
    }
    try pipeline(commands, to: "show parts")
    observer.onParts = nil
    return texts
  }
}
