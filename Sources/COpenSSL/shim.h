#ifndef MBOXSYNC_COPENSSL_SHIM_H
#define MBOXSYNC_COPENSSL_SHIM_H

// What OpenSSL spells as function-like macros, and Swift therefore cannot see.

// As in CLinux: modules that see different halves of glibc's types can't be imported together.
#define _GNU_SOURCE 1
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

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
static const uint64_t MBS_SSL_OP_NO_RENEGOTIATION = SSL_OP_NO_RENEGOTIATION;
static const uint64_t MBS_SSL_OP_NO_COMPRESSION = SSL_OP_NO_COMPRESSION;
static const uint64_t MBS_SSL_OP_IGNORE_UNEXPECTED_EOF = SSL_OP_IGNORE_UNEXPECTED_EOF;

#endif
