import Glibc
import IMAPClient

/// Mailboxes that this user can't use, found without reading them. For `check`.
extension MaildirStore {
  func closedMailboxes() throws(EndpointError) -> [EndpointFacts.Closed] {
    let listing = try list(withIDs: false)
    let names = listing.unreadable + listing.mailboxes.filter(\.isSelectable).map(\.name)
    var closed: [EndpointFacts.Closed] = []
    for name in names {
      do { try checkAccess(to: name) } catch {
        closed.append(EndpointFacts.Closed(name: name, error: error))
      }
    }
    return closed
  }

  private func checkAccess(to name: MailboxName) throws(EndpointError) {
    let steps = try steps(to: name)
    let directory = try directory(steps)
    for part in [MaildirFolder.curName, MaildirFolder.newName, MaildirFolder.tmpName] {
      let shown = describe(steps + [part])
      do throws(SystemError) { _ = try Directory(part, in: directory) } catch {
        // A sync makes what is missing.
        if error.isMissing, !directory.hasName(part) { continue }
        throw error.endpointError("can't open \(shown)")
      }
      do throws(SystemError) { try directory.checkWritable(part) } catch {
        throw error.endpointError("can't write to \(shown)")
      }
    }
  }
}
