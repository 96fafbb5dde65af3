#ifndef MBOXSYNC_COPENSSL_SHIM_H
#define MBOXSYNC_COPENSSL_SHIM_H

// What OpenSSL spells as function-like macros, and Swift therefore cannot see.

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/socket.h>

static inline int mbs_SSL_set_tlsext_host_name(SSL *s, const char *name) {
  return (int)SSL_set_tlsext_host_name(s, name);
}
static inline int mbs_SSL_CTX_set_min_proto_version(SSL_CTX *c, int version) {
  return (int)SSL_CTX_set_min_proto_version(c, version);
}
static inline long mbs_SSL_CTX_set_mode(SSL_CTX *c, long mode) {
  return SSL_CTX_set_mode(c, mode);
}
static inline long mbs_SSL_CTX_set_session_cache_mode(SSL_CTX *c, long mode) {
  return SSL_CTX_set_session_cache_mode(c, mode);
}
static inline void mbs_SSL_CTX_set_read_ahead(SSL_CTX *c, long yes) {
  SSL_CTX_set_read_ahead(c, yes);
}
static inline const char *mbs_SSL_get_cipher_name(const SSL *s) { return SSL_get_cipher_name(s); }
static inline int mbs_sk_X509_num(const STACK_OF(X509) *s) { return sk_X509_num(s); }
static inline X509 *mbs_sk_X509_value(const STACK_OF(X509) *s, int i) {
  return sk_X509_value(s, i);
}
static inline STACK_OF(X509) *mbs_sk_X509_new(void) { return sk_X509_new_null(); }
// The stack owns what is put on it.
static inline int mbs_sk_X509_push(STACK_OF(X509) *s, X509 *c) { return sk_X509_push(s, c); }
static inline void mbs_sk_X509_free(STACK_OF(X509) *s) { sk_X509_pop_free(s, X509_free); }
// An i-th name or address that a certificate is for, as text; -1 behind the last. 0 leaves the
// buffer empty: a name of another kind, or one that does not fit or has a NUL inside.
static inline int mbs_X509_alternative_name(const X509 *cert, int i, char *out, int size) {
  GENERAL_NAMES *names =
      (GENERAL_NAMES *)X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
  int result = 0;
  out[0] = 0;
  if (i >= sk_GENERAL_NAME_num(names)) {
    result = -1;
  } else {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_DNS) {
      int length = ASN1_STRING_length(name->d.dNSName);
      const unsigned char *data = ASN1_STRING_get0_data(name->d.dNSName);
      if (length < size && memchr(data, 0, (size_t)length) == NULL) {
        memcpy(out, data, (size_t)length);
        out[length] = 0;
        result = 1;
      }
    } else if (name->type == GEN_IPADD) {
      int length = ASN1_STRING_length(name->d.iPAddress);
      int family = length == 4 ? AF_INET : AF_INET6;
      const unsigned char *data = ASN1_STRING_get0_data(name->d.iPAddress);
      if ((length == 4 || length == 16) && inet_ntop(family, data, out, (socklen_t)size) != NULL)
        result = 1;
    }
  }
  GENERAL_NAMES_free(names);
  return result;
}

// The digest itself, without the library's machinery around it. The first use of that reads OpenSSL's configuration
// and looks all its algorithms up: a millisecond, which a run with nothing to do over a connection without TLS would
// spend on a file's name.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
static inline void mbs_SHA256_init(SHA256_CTX *c) { SHA256_Init(c); }
static inline void mbs_SHA256_update(SHA256_CTX *c, const void *bytes, size_t count) {
  SHA256_Update(c, bytes, count);
}
static inline void mbs_SHA256_final(unsigned char *digest, SHA256_CTX *c) {
  SHA256_Final(digest, c);
}
#pragma clang diagnostic pop

static const unsigned long MBS_XN_FLAG_RFC2253 = XN_FLAG_RFC2253;
static const long MBS_SSL_SESS_CACHE_CALLBACK_ONLY =
    SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL;
static const uint64_t MBS_SSL_OP_NO_RENEGOTIATION = SSL_OP_NO_RENEGOTIATION;
static const uint64_t MBS_SSL_OP_NO_COMPRESSION = SSL_OP_NO_COMPRESSION;
static const uint64_t MBS_SSL_OP_IGNORE_UNEXPECTED_EOF = SSL_OP_IGNORE_UNEXPECTED_EOF;

#endif
