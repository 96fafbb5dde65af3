import CLinux
import COpenSSL
import Glibc

/// Which authorities a TLS context trusts.
enum TrustStore {
  static func load(into context: OpaquePointer, caFile: String?) throws(TransportError) {
    if let caFile {
      try load(file: caFile, into: context)
    } else {
      try loadSystem(into: context)
    }
  }

  /// The system's store, as `SSL_CERT_FILE` and `SSL_CERT_DIR` may redirect it.
  ///
  /// The directory of hashed links is looked into when a certificate needs it; the file beside it
  /// holds the same ones and takes 28 ms to parse, so it is read only without such a directory.
  private static func loadSystem(into context: OpaquePointer) throws(TransportError) {
    if let file = environment(X509_get_default_cert_file_env()), !file.isEmpty {
      try load(file: file, into: context)
    }
    SSL_CTX_set_default_verify_dir(context)
    if !directories.contains(where: hasHashedLinks) {
      SSL_CTX_set_default_verify_file(context)
    }
    ERR_clear_error()
  }

  private static func load(file: String, into context: OpaquePointer) throws(TransportError) {
    try TLSFile.requireReadable(file)
    guard SSL_CTX_load_verify_file(context, file) == 1 else {
      ERR_clear_error()
      throw .badFile(path: file, reason: "holds no certificate in PEM")
    }
  }

  private static var directories: [String] {
    let fallback = X509_get_default_cert_dir().map { String(cString: $0) } ?? ""
    let list = environment(X509_get_default_cert_dir_env()) ?? fallback
    return list.split(separator: ":").map(String.init)
  }

  private static func environment(_ name: UnsafePointer<CChar>?) -> String? {
    guard let name, let value = secure_getenv(name) else { return nil }
    return String(cString: value)
  }

  /// True if one entry looks like `5ad8a5d6.0`.
  private static func hasHashedLinks(_ path: String) -> Bool {
    guard let directory = opendir(path) else { return false }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let isHashed = withUnsafeBytes(of: &entry.pointee.d_name) { name in
        name[8] == UInt8(ascii: ".") && name.prefix(8).allSatisfy(isHexDigit)
          && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(name[9])
      }
      if isHashed { return true }
    }
    return false
  }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
  }
}

/// Files that the configuration names.
enum TLSFile {
  /// OpenSSL says "system lib" for a missing file; the system says it better.
  static func requireReadable(_ path: String) throws(TransportError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw .badFile(path: path, reason: Errno.current.description)
    }
    Glibc.close(descriptor)
  }
}
