/* domains.c - the folders of two domains, as data sets for unpaired translation have them: train/A or trainA. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/pictures.h"

#define SHOWN          6 /* of the folders that are there, in a message */
#define NAME_MAX_SHOWN 40
#define PATH_MAX_SHOWN 400

/* The forms of a pair's names: of the domains below one folder, and of folders beside each other. */
static const char *const separators[] = {"/", ""};
#define FORMS 2

/* A text from outside for a message: without control characters, which a terminal might obey, and cut where it is long.
 */
static const char *shown(const char *text, size_t most, char *out)
{
    size_t n = 0;
    for (; text[n] && n < most; n++)
        out[n] = (unsigned char)text[n] < 32 || text[n] == 127 ? '?' : text[n];
    strcpy(out + n, text[n] ? "..." : "");
    return out;
}

typedef struct search {
    const char *folder;
    char shown[PATH_MAX_SHOWN + 4]; /* for messages */
    gan_message *message;
} search;

static gan_status no_memory(const search *s)
{
    return gan_fail(s->message, GAN_ERROR_MEMORY, "%s: no memory to look into it", s->shown);
}

/* *out is the path of the sub-folder, the caller's, or NULL where there is none. */
static gan_status find_folder(const search *s, const char *part, const char *separator, char domain, char **out)
{
    char path[PATH_MAX];
    struct stat info;
    *out = NULL;
    if (snprintf(path, sizeof path, "%s/%s%s%c", s->folder, part, separator, domain) >= (int)sizeof path)
        return gan_fail(s->message, GAN_ERROR_LIMIT, "%s: the path is too long", s->shown);
    if (stat(path, &info) != 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? GAN_OK
                   : gan_fail(s->message, GAN_ERROR_IO, "%s/%s%s%c: it cannot be examined: %s", s->shown, part,
                              separator, domain, strerror(errno));
    if (!S_ISDIR(info.st_mode))
        return GAN_OK;
    *out = strdup(path);
    return *out ? GAN_OK : no_memory(s);
}

/* Both domains of a part, "train" or "test", in one of the forms; both NULL where there is neither. */
static gan_status find_form(const search *s, const char *part, const char *separator, char *out[2])
{
    gan_status status = find_folder(s, part, separator, 'A', &out[0]);
    if (status == GAN_OK)
        status = find_folder(s, part, separator, 'B', &out[1]);
    if (status != GAN_OK || !out[0] == !out[1])
        return status;
    char there = out[0] ? 'A' : 'B', missing = out[0] ? 'B' : 'A';
    return gan_fail(s->message, GAN_ERROR_NOT_FOUND,
                    "%s: there is a folder %s%s%c, but %s%s%c was looked for and is not there", s->shown, part,
                    separator, there, part, separator, missing);
}

static gan_status find_part(const search *s, const char *part, char *out[2])
{
    char *found[FORMS][2] = {{NULL}};
    gan_status status = GAN_OK;
    for (int i = 0; i < FORMS && status == GAN_OK; i++)
        status = find_form(s, part, separators[i], found[i]);
    if (status == GAN_OK && found[0][0] && found[1][0])
        status = gan_fail(s->message, GAN_ERROR_FORMAT,
                          "%s: there are both %s/A with %s/B and %sA with %sB, expected one of the two", s->shown, part,
                          part, part, part);
    int form = found[0][0] ? 0 : 1;
    for (int i = 0; i < FORMS; i++)
        for (int domain = 0; domain < 2; domain++)
            if (status == GAN_OK && i == form)
                out[domain] = found[i][domain];
            else
                free(found[i][domain]);
    return status;
}

/* ---- what is there instead ---- */

typedef struct listing {
    char name[SHOWN + 1][NAME_MAX_SHOWN + 4]; /* the first of its folders, in the order of their names, and one more */
    int64_t folders, others;
} listing;

static void note_folder(listing *l, const char *name)
{
    char own[NAME_MAX_SHOWN + 4];
    int64_t n = l->folders < SHOWN ? l->folders : SHOWN, at = n;
    shown(name, NAME_MAX_SHOWN, own);
    while (at > 0 && strcmp(own, l->name[at - 1]) < 0)
        at--;
    memmove(l->name[at + 1], l->name[at], (size_t)(n - at) * sizeof l->name[0]);
    strcpy(l->name[at], own);
    l->folders++;
}

static gan_status list(const search *s, listing *out)
{
    DIR *folder = opendir(s->folder);
    if (!folder)
        return gan_fail(s->message, errno == ENOENT || errno == ENOTDIR ? GAN_ERROR_NOT_FOUND : GAN_ERROR_IO,
                        "%s: cannot be opened as a folder: %s", s->shown, strerror(errno));
    for (struct dirent *entry; (entry = readdir(folder));) {
        struct stat info;
        if (gan__picture_is_hidden(entry->d_name))
            continue;
        if (fstatat(dirfd(folder), entry->d_name, &info, 0) == 0 && S_ISDIR(info.st_mode))
            note_folder(out, entry->d_name);
        else
            out->others++;
    }
    closedir(folder);
    return GAN_OK;
}

static gan_status nothing_found(const search *s)
{
    listing there = {.folders = 0, .others = 0};
    char names[SHOWN * (NAME_MAX_SHOWN + 8)] = "";
    size_t used = 0;
    gan_status status = list(s, &there);
    if (status != GAN_OK)
        return status;
    for (int i = 0; i < SHOWN && i < there.folders; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", there.name[i]);
    return gan_fail(
        s->message, GAN_ERROR_NOT_FOUND,
        "%s: expected folders train/A and train/B, or trainA and trainB, found %s%s%s and %" PRId64 " files", s->shown,
        there.folders ? "the folders " : "no folder", names, there.folders > SHOWN ? ", ..." : "", there.others);
}

/* ---- all of it ---- */

gan_status gan_data_find_domains(const char *folder, gan_data_domains *out, gan_message *message)
{
    gan_data_domains found = {.train = {NULL}};
    search s = {.folder = folder, .message = message};
    if (!folder || !*folder || !out)
        return gan_fail(message, GAN_ERROR_ARGUMENT,
                        "no folder of two domains was named, or no place for what is found");
    shown(folder, PATH_MAX_SHOWN, s.shown);
    gan_status status = find_part(&s, "train", found.train);
    if (status == GAN_OK && !found.train[0])
        status = nothing_found(&s);
    if (status == GAN_OK)
        status = find_part(&s, "test", found.test);
    gan__source_name(folder, false, found.name);
    if (status == GAN_OK)
        *out = found;
    else
        gan_data_domains_free(&found);
    return status;
}

void gan_data_domains_free(gan_data_domains *domains)
{
    for (int i = 0; domains && i < 2; i++) {
        free(domains->train[i]);
        free(domains->test[i]);
    }
    if (domains)
        *domains = (gan_data_domains){.train = {NULL}};
}
