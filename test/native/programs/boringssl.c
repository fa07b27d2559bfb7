/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of BoringSSL there is to be found in a program that has it inside: the functions that are looked for, and some
 * that are not, report errors and call each other as the real ones do (ssl/ssl_lib.cc, ssl/s3_pkt.cc). It encrypts
 * nothing. `boringssl PORT WORD honest|lies` sends a word to 127.0.0.1 and reads what comes back; who is honest sends
 * as many bytes as encryption would have made.
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIB "third_party/boringssl/src/ssl/ssl_lib.cc"
#define PACKETS "third_party/boringssl/src/ssl/s3_pkt.cc"
#define FRAME 22

typedef struct ssl SSL;

struct method {
    bool is_dtls;
    bool (*ssl_new)(SSL *ssl);
    void (*ssl_free)(SSL *ssl);
    bool (*get_message)(SSL *ssl);
    int (*write_app_data)(SSL *ssl, bool *needs_handshake, size_t *written, const void *data, size_t size);
};

struct ssl {
    const struct method *method;
    int (*do_handshake)(SSL *ssl);
    void *quic;
    char *host;
    char *pending;
    size_t left;
    bool in_init, write_shutdown, lies;
    int fd;
};

int last_error;

__attribute__((noinline)) void ERR_put_error(int library, int unused, int reason, const char *file, unsigned line) {
    last_error = library + unused + reason + file[0] + (int)line;
}

#define PUT_ERROR(file, reason) ERR_put_error(16, 0, reason, file, __LINE__)

__attribute__((noinline)) static bool tls_new(SSL *ssl) {
    ssl->in_init = true;
    return ssl->pending == NULL;
}

__attribute__((noinline)) static void tls_free(SSL *ssl) {
    free(ssl->pending);
    ssl->pending = NULL;
}

__attribute__((noinline)) static bool get_message(SSL *ssl) {
    return ssl->in_init;
}

__attribute__((noinline)) static int tls_write_app_data(SSL *ssl, bool *needs_handshake, size_t *written,
                                                        const void *data, size_t size) {
    static char record[65536];
    *needs_handshake = false;
    if (ssl->write_shutdown) {
        PUT_ERROR(PACKETS, 194);
        return -1;
    }
    if (size > sizeof(record) - FRAME) {
        PUT_ERROR(PACKETS, 111);
        return -1;
    }
    memcpy(record, data, size);
    if (send(ssl->fd, record, ssl->lies ? size / 2 : size + FRAME, 0) < 0)
        return -1;
    *written = size;
    return 1;
}

static const struct method METHOD = {
    .ssl_new = tls_new, .ssl_free = tls_free, .get_message = get_message, .write_app_data = tls_write_app_data};

__attribute__((noinline)) static int connect_now(SSL *ssl) {
    ssl->in_init = false;
    return 1;
}

__attribute__((noinline)) int SSL_do_handshake(SSL *ssl) {
    if (!ssl->do_handshake) {
        PUT_ERROR(LIB, 134);
        return -1;
    }
    return ssl->in_init ? ssl->do_handshake(ssl) : 1;
}

__attribute__((noinline)) static int ssl_read_impl(SSL *ssl) {
    if (!ssl->do_handshake) {
        PUT_ERROR(LIB, 226);
        return -1;
    }
    while (ssl->left == 0) {
        if (ssl->in_init && SSL_do_handshake(ssl) <= 0) {
            PUT_ERROR(LIB, 215);
            return -1;
        }
        if (!ssl->pending)
            ssl->pending = malloc(16384);
        ssize_t n = recv(ssl->fd, ssl->pending, 16384, 0);
        if (n <= 0)
            return n;
        ssl->left = n;
    }
    return 1;
}

/* Both contain the work, as BoringSSL built for speed does. */
static inline int peek(SSL *ssl, void *out, int size) {
    if (ssl->quic) {
        PUT_ERROR(LIB, 66);
        return -1;
    }
    int result = ssl_read_impl(ssl);
    if (result <= 0)
        return result;
    if (size <= 0)
        return size;
    size_t n = ssl->left < (size_t)size ? ssl->left : (size_t)size;
    memcpy(out, ssl->pending, n);
    return n;
}

__attribute__((noinline)) int SSL_read(SSL *ssl, void *out, int size) {
    int n = peek(ssl, out, size);
    if (n <= 0)
        return n;
    ssl->left -= n;
    if (ssl->left == 0) {
        free(ssl->pending);
        ssl->pending = NULL;
    }
    return n;
}

__attribute__((noinline)) int SSL_peek(SSL *ssl, void *out, int size) {
    return peek(ssl, out, size);
}

__attribute__((noinline)) int SSL_write(SSL *ssl, const void *data, int size) {
    if (ssl->quic) {
        PUT_ERROR(LIB, 66);
        return -1;
    }
    if (!ssl->do_handshake) {
        PUT_ERROR(LIB, 226);
        return -1;
    }
    int result = 0;
    size_t written = 0;
    bool needs_handshake = false;
    do {
        if (ssl->in_init) {
            result = SSL_do_handshake(ssl);
            if (result < 0)
                return result;
            if (result == 0) {
                PUT_ERROR(LIB, 215);
                return -1;
            }
        }
        if (size < 0) {
            PUT_ERROR(LIB, 111);
            return -1;
        }
        result = ssl->method->write_app_data(ssl, &needs_handshake, &written, data, size);
    } while (needs_handshake);
    return result <= 0 ? result : (int)written;
}

__attribute__((noinline)) int SSL_shutdown(SSL *ssl) {
    if (!ssl->do_handshake) {
        PUT_ERROR(LIB, 226);
        return -1;
    }
    if (ssl->write_shutdown && ssl_read_impl(ssl) > 0) {
        PUT_ERROR(LIB, 291);
        return -1;
    }
    ssl->write_shutdown = true;
    return 1;
}

__attribute__((noinline)) int SSL_process_quic_post_handshake(SSL *ssl) {
    if (!ssl->quic) {
        PUT_ERROR(LIB, 66);
        return 0;
    }
    return ssl->method->get_message(ssl);
}

__attribute__((noinline)) int SSL_set_tlsext_host_name(SSL *ssl, const char *name) {
    size_t n = strlen(name);
    if (n == 0 || n > 255) {
        PUT_ERROR(LIB, 213);
        return 0;
    }
    ssl->host = strdup(name);
    return ssl->host != NULL;
}

static void talk(int port, const char *word, bool lies) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    char answer[4096];
    SSL ssl = {.method = &METHOD, .do_handshake = connect_now, .lies = lies};
    ssl.fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(ssl.fd, (struct sockaddr *)&to, sizeof(to)) != 0 || !ssl.method->ssl_new(&ssl) ||
        !SSL_set_tlsext_host_name(&ssl, "fake.example") || SSL_do_handshake(&ssl) != 1 ||
        SSL_write(&ssl, word, strlen(word)) != (int)strlen(word) || SSL_peek(&ssl, answer, 1) != 1 ||
        SSL_read(&ssl, answer, sizeof(answer)) <= 0 || SSL_process_quic_post_handshake(&ssl) || SSL_shutdown(&ssl) != 1)
        exit(9);
    ssl.method->ssl_free(&ssl);
    close(ssl.fd);
    if (lies)
        sleep(1); /* there is still somebody to be let go */
}

int main(int argc, char **argv) {
    if (argc == 4)
        talk(atoi(argv[1]), argv[2], strcmp(argv[3], "lies") == 0);
    return 0;
}
