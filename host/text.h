/* text.h - text that grows, and paths of bounded length. */
#ifndef HOST_TEXT_H
#define HOST_TEXT_H

#include <gan/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PATH_SIZE 4096

/* A string that grows. Zero-initialise it; free(data). Once memory is short, `failed` stays set and data is kept. */
typedef struct text {
    char *data; /* terminated once anything was added */
    size_t size, capacity;
    bool failed;
} text;

void text_add(text *t, const char *format, ...) GAN_PRINTF(2, 3);
void text_add_bytes(text *t, const char *bytes, size_t size);

/* Text in lines of at most `width` columns, each begun with `indent`, the first too. */
void text_wrap(text *t, const char *indent, int width, const char *paragraph);

/* A path (or other bounded text) into `out`. Errors: GAN_ERROR_LIMIT if it is longer than PATH_SIZE. */
gan_status path_format(char out[PATH_SIZE], gan_message *message, const char *format, ...) GAN_PRINTF(3, 4);

/* Whether it ends so and has something before: "a.png" with ".png". */
bool text_ends_with(const char *s, const char *end);
/* Characters of a path before the ending of its file's name, ".png"; all of them where there is none. */
size_t text_stem(const char *path);
/* Control characters become '?', in place, unless they end lines and `lines` is set: they may be from outside, of a
 * file's name, and a terminal would obey them. */
void text_plain(char *s, bool lines);
/* Whether the text is UTF-8 (RFC 3629), which is all that a YAML file can hold. */
bool text_is_utf8(const char *s);

/* "1:02:03", "2:03" for a time in seconds. */
const char *text_duration(double seconds, char out[32]);
/* "12.3 MiB". */
const char *text_bytes(double bytes, char out[32]);
/* "1,234,567". */
const char *text_grouped(long long value, char out[32]);

/* Write all bytes to a descriptor, going on after signals and short writes; false and errno on failure. */
bool write_all(int fd, const char *data, size_t size);
/* Read a file of at most `limit` bytes; *out is terminated and the caller's. Errors: GAN_ERROR_NOT_FOUND,
 * GAN_ERROR_IO, GAN_ERROR_LIMIT, GAN_ERROR_MEMORY. */
gan_status file_read(const char *path, size_t limit, char **out, size_t *size, gan_message *message);
/* Replace a file: written under a temporary name, synced, renamed. */
gan_status file_replace(const char *path, const char *data, size_t size, gan_message *message);
/* Make a folder and those above it. */
gan_status folder_make(const char *path, gan_message *message);

#endif
