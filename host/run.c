#define _GNU_SOURCE
#include "run.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report.h"

/* ---- numbers ---- */

/* The number that a folder's name begins with, "00003-...", or -1. */
static long run_number(const char *name)
{
    size_t digits = strspn(name, "0123456789");
    if (digits < 5 || digits > 9 || name[digits] != '-')
        return -1;
    return strtol(name, NULL, 10);
}

/* The highest number in `out`, -1 if there is no run; the folder's name goes to `name` if it is not NULL. */
static long highest_number(const char *out, char name[256], bool complete)
{
    long highest = -1;
    DIR *folder = opendir(out);
    if (!folder)
        return -1;
    for (struct dirent *entry; (entry = readdir(folder));) {
        long number = run_number(entry->d_name);
        char file[PATH_SIZE];
        if (number <= highest || path_format(file, NULL, "%s/%s/config.yaml", out, entry->d_name) ||
            (complete && access(file, F_OK) != 0))
            continue;
        highest = number;
        if (name)
            snprintf(name, 256, "%s", entry->d_name);
    }
    closedir(folder);
    return highest;
}

/* ---- locks ---- */

/* flock on the folder itself: it leaves no file behind, and the system drops it with the process. File systems
 * without locks (some network ones) are used without. Returns the descriptor, -1 when another process has it. */
static int lock_folder(const char *path, int operation)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    while (flock(fd, operation) != 0) {
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK)
            break;
        close(fd);
        errno = EWOULDBLOCK;
        return -1;
    }
    return fd;
}

static gan_status make_numbered(const char *out, const char *name, run *r, gan_message *message)
{
    char folder[256];
    for (size_t i = 0; i < sizeof folder; i++) {
        unsigned char c = (unsigned char)name[i];
        folder[i] = (char)(isalnum(c) || c == '.' || c == '_' || c == '-' || c == '\0' ? c : '-');
        if (c == '\0' || i == 100) {
            folder[i] = '\0';
            break;
        }
    }
    for (long number = highest_number(out, NULL, false) + 1; number < 1000000000; number++) {
        gan_status status =
            path_format(r->path, message, "%s%s%05ld-%s", out, out[strlen(out) - 1] == '/' ? "" : "/", number, folder);
        if (status)
            return status;
        if (mkdir(r->path, 0777) == 0)
            return GAN_OK;
        if (errno != EEXIST)
            return gan_fail(message, GAN_ERROR_IO, "cannot make the run folder %s: %s", r->path, strerror(errno));
    }
    return gan_fail(message, GAN_ERROR_LIMIT, "the folder %s holds too many runs", out);
}

gan_status run_create(const char *out, const char *name, run *r, gan_message *message)
{
    run made = {.lock = -1};
    gan_status status = folder_make(out, message);
    if (status)
        return status;
    int guard = lock_folder(out, LOCK_EX);
    status = make_numbered(out, name, &made, message);
    if (!status)
        made.lock = lock_folder(made.path, LOCK_EX | LOCK_NB);
    if (guard >= 0)
        close(guard);
    if (!status)
        *r = made;
    return status;
}

gan_status run_open(const char *path, run *r, gan_message *message)
{
    run opened = {.lock = -1};
    char file[PATH_SIZE];
    gan_status status = path_format(opened.path, message, "%s", path);
    for (size_t n = strlen(opened.path); n > 1 && opened.path[n - 1] == '/'; n--)
        opened.path[n - 1] = '\0';
    if (!status)
        status = path_format(file, message, "%s/config.yaml", opened.path);
    if (status)
        return status;
    if (access(file, F_OK) != 0)
        return gan_fail(message, GAN_ERROR_NOT_FOUND, "%s is not a run: it has no config.yaml", opened.path);
    opened.lock = lock_folder(opened.path, LOCK_EX | LOCK_NB);
    if (opened.lock < 0)
        return errno == EWOULDBLOCK
                   ? gan_fail(message, GAN_ERROR_STATE, "%s is being written by another ganhost", opened.path)
                   : gan_fail(message, GAN_ERROR_IO, "cannot open %s: %s", opened.path, strerror(errno));
    *r = opened;
    return GAN_OK;
}

void run_close(run *r)
{
    if (r->lock >= 0)
        close(r->lock);
    r->lock = -1;
}

gan_status run_latest(const char *out, char path[PATH_SIZE], gan_message *message)
{
    char name[256];
    if (highest_number(out, name, true) < 0)
        return gan_fail(message, GAN_ERROR_NOT_FOUND, "there is no run in %s", out);
    return path_format(path, message, "%s%s%s", out, out[strlen(out) - 1] == '/' ? "" : "/", name);
}

/* ---- stamps ---- */

const char *run_stamp(int64_t images, char out[32])
{
    if (images % 1000 == 0)
        snprintf(out, 32, "%06" PRId64, images / 1000);
    else
        snprintf(out, 32, "%06" PRId64 "_%03d", images / 1000, (int)(images % 1000));
    return out;
}

int64_t run_parse_stamp(const char *name, const char **end)
{
    size_t digits = strspn(name, "0123456789");
    if (digits < 6 || digits > 15)
        return -1;
    int64_t images = strtoll(name, NULL, 10) * 1000;
    *end = name + digits;
    if (**end == '_' && strspn(*end + 1, "0123456789") == 3) {
        images += strtoll(*end + 1, NULL, 10);
        *end += 4;
    }
    return images;
}

static int compare_counts(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int run_list_stamped(const char *folder, const char *prefix, const char *suffix, int64_t **images)
{
    int64_t *list = NULL;
    int count = 0;
    DIR *open_folder = opendir(folder);
    for (struct dirent *entry; open_folder && (entry = readdir(open_folder));) {
        const char *end;
        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
            continue;
        int64_t value = run_parse_stamp(entry->d_name + strlen(prefix), &end);
        if (value < 0 || strcmp(end, suffix) != 0)
            continue;
        int64_t *grown = realloc(list, (size_t)(count + 1) * sizeof *grown);
        if (!grown)
            break;
        list = grown;
        list[count++] = value;
    }
    if (open_folder)
        closedir(open_folder);
    if (count > 0)
        qsort(list, (size_t)count, sizeof *list, compare_counts);
    *images = list;
    return count;
}

/* ---- going back ---- */

static gan_status truncate_stats(const run *r, int64_t images, gan_message *message)
{
    char path[PATH_SIZE], *data;
    size_t size, kept = 0;
    gan_status status = path_format(path, message, "%s/stats.jsonl", r->path);
    if (!status)
        status = file_read(path, STATS_FILE_MAX, &data, &size, message);
    if (status)
        return status == GAN_ERROR_NOT_FOUND ? GAN_OK : status;
    for (char *line = data, *end; (end = memchr(line, '\n', size - (size_t)(line - data))); line = end + 1) {
        stats_line parsed;
        *end = '\0';
        bool keep = stats_parse(line, &parsed) && parsed.images <= images;
        *end = '\n';
        if (!keep)
            break;
        kept = (size_t)(end + 1 - data);
    }
    if (kept < size)
        status = file_replace(path, data, kept, message);
    free(data);
    return status;
}

/* Files that were being written when a process was killed: "<name>.tmp" and "<name>.tmp-<pid>-<n>". */
static void remove_temporaries(const char *folder)
{
    DIR *open_folder = opendir(folder);
    for (struct dirent *entry; open_folder && (entry = readdir(open_folder));) {
        const char *mark = strstr(entry->d_name, ".tmp");
        char path[PATH_SIZE];
        if (mark && (mark[4] == '\0' || (mark[4] == '-' && mark[5 + strspn(mark + 5, "0123456789-")] == '\0')) &&
            !path_format(path, NULL, "%s/%s", folder, entry->d_name))
            unlink(path);
    }
    if (open_folder)
        closedir(open_folder);
}

gan_status run_truncate(const run *r, int64_t images, gan_message *message)
{
    int64_t *grids;
    int count = run_list_stamped(r->path, "fakes", ".png", &grids);
    for (int i = 0; i < count; i++) {
        char path[PATH_SIZE], stamp[32];
        if (grids[i] > images && !path_format(path, NULL, "%s/fakes%s.png", r->path, run_stamp(grids[i], stamp)))
            unlink(path);
    }
    free(grids);
    char checkpoints[PATH_SIZE];
    remove_temporaries(r->path);
    if (!path_format(checkpoints, NULL, "%s/checkpoints", r->path))
        remove_temporaries(checkpoints);
    return truncate_stats(r, images, message);
}
