// The plain digest functions: the newer interface looks up providers at run time, which a static program has no use for.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
