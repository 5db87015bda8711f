#define _GNU_SOURCE
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool reserve(text *t, size_t more)
{
    if (t->failed || more > SIZE_MAX / 4 - t->size) {
        t->failed = true;
        return false;
    }
    if (t->size + more + 1 <= t->capacity)
        return true;
    size_t capacity = 2 * (t->size + more + 1);
    char *data = realloc(t->data, capacity);
    if (!data) {
        t->failed = true;
        return false;
    }
    t->data = data;
    t->capacity = capacity;
    return true;
}

void text_add_bytes(text *t, const char *bytes, size_t size)
{
    if (!reserve(t, size))
        return;
    memcpy(t->data + t->size, bytes, size);
    t->size += size;
    t->data[t->size] = '\0';
}

void text_add(text *t, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        t->failed = true;
    else if (reserve(t, (size_t)length)) {
        vsnprintf(t->data + t->size, (size_t)length + 1, format, again);
        t->size += (size_t)length;
    }
    va_end(again);
}

/* Columns that UTF-8 text takes, every character taken as one wide. */
static int columns(const char *s, size_t bytes)
{
    int n = 0;
    for (size_t i = 0; i < bytes; i++)
        n += ((unsigned char)s[i] & 0xc0) != 0x80;
    return n;
}

void text_wrap(text *t, const char *indent, int width, const char *paragraph)
{
    int used = -1; /* columns of the open line; -1: none is open */
    for (const char *word = paragraph + strspn(paragraph, " \n"); *word;) {
        size_t length = strcspn(word, " \n");
        int wide = columns(word, length);
        if (used >= 0 && used + 1 + wide > width) {
            text_add(t, "\n");
            used = -1;
        }
        text_add(t, "%s%.*s", used < 0 ? indent : " ", (int)length, word);
        used = used < 0 ? columns(indent, strlen(indent)) + wide : used + 1 + wide;
        word += length;
        word += strspn(word, " \n");
    }
    text_add(t, "\n");
}

gan_status path_format(char out[PATH_SIZE], gan_message *message, const char *format, ...)
{
    char made[PATH_SIZE];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(made, sizeof made, format, args);
    va_end(args);
    if (length < 0 || length >= PATH_SIZE)
        return gan_fail(message, GAN_ERROR_LIMIT, "the path %.100s... is longer than %d characters", made,
                        PATH_SIZE - 1);
    memcpy(out, made, (size_t)length + 1);
    return GAN_OK;
}

bool text_ends_with(const char *s, const char *end)
{
    size_t length = strlen(s), tail = strlen(end);
    return length > tail && strcmp(s + length - tail, end) == 0;
}

size_t text_stem(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    return dot && dot > name ? (size_t)(dot - path) : strlen(path);
}

void text_plain(char *s, bool lines)
{
    for (unsigned char *p = (unsigned char *)s; *p; p++) {
        bool long_form = *p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0; /* U+0080 to U+009F in UTF-8 */
        if (long_form)
            p[1] = '?';
        if (long_form || (*p < 32 && !(lines && *p == '\n')) || *p == 127)
            *p = '?';
    }
}

bool text_is_utf8(const char *s)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    for (const unsigned char *p = (const unsigned char *)s; *p;) {
        int more = *p < 0x80 ? 0 : *p >= 0xc2 && *p < 0xe0 ? 1 : (*p & 0xf0) == 0xe0 ? 2 : (*p & 0xf8) == 0xf0 ? 3 : -1;
        if (more < 0)
            return false;
        uint32_t code = more ? *p & (0x3fu >> more) : *p;
        p++;
        for (int i = 0; i < more; i++, p++) {
            if ((*p & 0xc0) != 0x80)
                return false;
            code = code << 6 | (*p & 0x3fu);
        }
        if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return false;
    }
    return true;
}

const char *text_duration(double seconds, char out[32])
{
    if (!(seconds >= 0) || seconds > 1e9)
        snprintf(out, 32, "-:--");
    else {
        long s = (long)(seconds + 0.5);
        if (s >= 3600)
            snprintf(out, 32, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
        else
            snprintf(out, 32, "%ld:%02ld", s / 60, s % 60);
    }
    return out;
}

const char *text_bytes(double bytes, char out[32])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    int unit = 0;
    while (bytes >= 1024 && unit < 4) {
        bytes /= 1024;
        unit++;
    }
    snprintf(out, 32, unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
    return out;
}

const char *text_grouped(long long value, char out[32])
{
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%lld", value), used = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-')
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
    return out;
}

bool write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        size -= (size_t)n;
    }
    return true;
}

static gan_status read_open_file(int fd, const char *path, size_t limit, char **out, size_t *size, gan_message *message)
{
    text t = {0};
    char block[16384];
    for (;;) {
        ssize_t n = read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            free(t.data);
            return gan_fail(message, GAN_ERROR_IO, "cannot read %s: %s", path, strerror(errno));
        }
        text_add_bytes(&t, block, (size_t)n);
        if (t.failed || t.size > limit) {
            free(t.data);
            return t.failed ? gan_fail(message, GAN_ERROR_MEMORY, "no memory to read %s", path)
                            : gan_fail(message, GAN_ERROR_LIMIT, "%s is larger than %zu bytes", path, limit);
        }
        if (n == 0)
            break;
    }
    *out = t.data;
    *size = t.size;
    return GAN_OK;
}

gan_status file_read(const char *path, size_t limit, char **out, size_t *size, gan_message *message)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return gan_fail(message, errno == ENOENT || errno == ENOTDIR ? GAN_ERROR_NOT_FOUND : GAN_ERROR_IO,
                        "cannot open %s: %s", path, strerror(errno));
    gan_status status = read_open_file(fd, path, limit, out, size, message);
    close(fd);
    return status;
}

gan_status file_replace(const char *path, const char *data, size_t size, gan_message *message)
{
    char temporary[PATH_SIZE];
    gan_status status = path_format(temporary, message, "%s.tmp", path);
    if (status)
        return status;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return gan_fail(message, GAN_ERROR_IO, "cannot write %s: %s", path, strerror(errno));
    bool good = write_all(fd, data, size) && fsync(fd) == 0;
    int error = errno;
    if (close(fd) != 0 && good) {
        good = false;
        error = errno;
    }
    if (good && rename(temporary, path) != 0) {
        good = false;
        error = errno;
    }
    if (!good) {
        unlink(temporary);
        return gan_fail(message, GAN_ERROR_IO, "cannot write %s: %s", path, strerror(error));
    }
    return GAN_OK;
}

gan_status folder_make(const char *path, gan_message *message)
{
    char made[PATH_SIZE];
    gan_status status = path_format(made, message, "%s", path);
    if (status)
        return status;
    for (char *p = made + 1;; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char end = *p;
        *p = '\0';
        struct stat info;
        int error = mkdir(made, 0777) == 0 ? 0 : errno;
        if (error == EEXIST && stat(made, &info) == 0)
            error = S_ISDIR(info.st_mode) ? 0 : ENOTDIR;
        if (error)
            return gan_fail(message, GAN_ERROR_IO, "cannot make the folder %s: %s", made, strerror(error));
        *p = end;
        if (end == '\0')
            return GAN_OK;
    }
}
