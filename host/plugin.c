#define _GNU_SOURCE
#include "plugin.h"

#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- accepting a table ---- */

static bool good_id(const char *id)
{
    if (!id || !*id || strlen(id) > 63)
        return false;
    return id[strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static gan_status check_prefix(const gan_plugin *prefix, const char *path, gan_message *message)
{
    const char *built = prefix->built_with ? prefix->built_with : "unknown";
    if (prefix->magic != GAN_PLUGIN_MAGIC)
        return gan_fail(message, GAN_ERROR_NOT_A_PLUGIN,
                        "%s is not a ganhost plugin: its table begins with %016llx instead of %016llx", path,
                        (unsigned long long)prefix->magic, (unsigned long long)GAN_PLUGIN_MAGIC);
    if (prefix->abi_major != GAN_ABI_MAJOR)
        return gan_fail(message, GAN_ERROR_ABI,
                        "%s has plugin interface %u.%u (built with %.120s), but this ganhost has %d.%d, and different "
                        "major versions do not fit: %s",
                        path, prefix->abi_major, prefix->abi_minor, built, GAN_ABI_MAJOR, GAN_ABI_MINOR,
                        prefix->abi_major > GAN_ABI_MAJOR ? "use a newer ganhost, or rebuild the plugin for this one"
                                                          : "rebuild the plugin with this ganhost's SDK");
    if (prefix->needs_minor > GAN_ABI_MINOR)
        return gan_fail(
            message, GAN_ERROR_ABI,
            "%s needs plugin interface %u.%u or newer (built with %.120s), but this ganhost has %d.%d: use a "
            "newer ganhost",
            path, prefix->abi_major, prefix->needs_minor, built, GAN_ABI_MAJOR, GAN_ABI_MINOR);
    if (prefix->struct_size < GAN_PLUGIN_SIZE_1_0)
        return gan_fail(message, GAN_ERROR_ABI,
                        "%s says its table has %u bytes, but interface %u.%u begins with %u: rebuild the plugin with a "
                        "released SDK",
                        path, prefix->struct_size, GAN_ABI_MAJOR, GAN_ABI_MINOR, GAN_PLUGIN_SIZE_1_0);
    return GAN_OK;
}

static gan_status check_body(const gan_plugin *table, const char *path, gan_message *message)
{
    if (!good_id(table->id))
        return gan_fail(message, GAN_ERROR_NOT_A_PLUGIN,
                        "%s has the id \"%.64s\": an id has 1 to 63 lower case letters, digits and '_'", path,
                        table->id ? table->id : "");
    bool translates = table->needs & GAN_NEEDS_TWO_DOMAINS;
    const char *missing = !table->version                       ? "version"
                          : !table->build                       ? "build"
                          : !table->destroy                     ? "destroy"
                          : !table->d_step                      ? "d_step"
                          : !table->g_step                      ? "g_step"
                          : !table->sample && !translates       ? "sample"
                          : translates && !table->get_extension ? "get_extension"
                                                                : NULL;
    if (missing)
        return gan_fail(message, GAN_ERROR_NOT_A_PLUGIN, "%s has no %s, which plugin interface 1.0 asks for%s", path,
                        missing, translates ? " where a plugin needs two domains" : "");
    return GAN_OK;
}

gan_status plugin_accept(const gan_plugin *raw, const char *path, gan_plugin *out, gan_message *message)
{
    gan_plugin table = {0};
    if (!raw)
        return gan_fail(message, GAN_ERROR_NOT_A_PLUGIN, "%s is not a ganhost plugin: its entry returned no table",
                        path);
    memcpy(&table, raw, offsetof(gan_plugin, title));
    gan_status status = check_prefix(&table, path, message);
    if (status)
        return status;
    memcpy(&table, raw, table.struct_size < sizeof table ? table.struct_size : sizeof table);
    status = check_body(&table, path, message);
    if (status)
        return status;
    *out = table;
    return GAN_OK;
}

/* ---- finding ---- */

static int add_folder(char folders[][PATH_SIZE], int count, const char *path)
{
    char full[PATH_MAX];
    if (count == PLUGIN_FOLDERS_MAX || !*path || !realpath(path, full) || strlen(full) >= PATH_SIZE)
        return count;
    for (int i = 0; i < count; i++)
        if (strcmp(folders[i], full) == 0)
            return count;
    strcpy(folders[count], full);
    return count + 1;
}

static int add_beside_executable(char folders[][PATH_SIZE], int count, const char *below)
{
    char executable[PATH_SIZE], path[PATH_SIZE];
    ssize_t length = readlink("/proc/self/exe", executable, sizeof executable - 1);
    if (length <= 0)
        return count;
    executable[length] = '\0';
    char *slash = strrchr(executable, '/');
    if (!slash)
        return count;
    *slash = '\0';
    return path_format(path, NULL, "%s/../%s", executable, below) ? count : add_folder(folders, count, path);
}

int plugin_folders(char folders[][PATH_SIZE])
{
    int count = 0;
    const char *list = getenv("GAN_PLUGIN_PATH");
    while (list && *list) {
        size_t length = strcspn(list, ":");
        char path[PATH_SIZE];
        if (!path_format(path, NULL, "%.*s", (int)length, list))
            count = add_folder(folders, count, path);
        list += length + (list[length] == ':');
    }
    count = add_beside_executable(folders, count, "lib/ganhost/plugins");
    count = add_beside_executable(folders, count, GAN_PLUGIN_RELATIVE_DIR);
    return add_folder(folders, count, GAN_PLUGIN_INSTALL_DIR);
}

static int is_plugin_file(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 3 && strcmp(entry->d_name + length - 3, ".so") == 0;
}

void plugin_each(plugin_visitor visit, void *user)
{
    char(*folders)[PATH_SIZE] = calloc(PLUGIN_FOLDERS_MAX, PATH_SIZE);
    int count = folders ? plugin_folders(folders) : 0;
    for (int i = 0; i < count; i++) {
        struct dirent **entries = NULL;
        int n = scandir(folders[i], &entries, is_plugin_file, alphasort);
        for (int j = 0; j < n; j++) {
            char path[PATH_SIZE];
            if (!path_format(path, NULL, "%s/%s", folders[i], entries[j]->d_name))
                visit(path, user);
            free(entries[j]);
        }
        free(entries);
    }
    free(folders);
}

#define NAMES_MAX 256

typedef struct name_list {
    char names[NAMES_MAX][64];
    int count;
} name_list;

static void collect_name(const char *path, void *user)
{
    name_list *list = user;
    const char *file = strrchr(path, '/') + 1;
    size_t length = strlen(file) - strlen(".so");
    if (list->count == NAMES_MAX || length >= sizeof list->names[0])
        return;
    memcpy(list->names[list->count], file, length);
    list->names[list->count++][length] = '\0';
}

static gan_status name_not_found(const char *name, char folders[][PATH_SIZE], int count, gan_message *message)
{
    text where = {0};
    for (int i = 0; i < count; i++)
        text_add(&where, "%s%s", i ? ", " : "", folders[i]);
    name_list *list = calloc(1, sizeof *list);
    const char *candidates[NAMES_MAX + 1] = {0}, *near = NULL;
    if (list) {
        plugin_each(collect_name, list);
        for (int i = 0; i < list->count; i++)
            candidates[i] = list->names[i];
        near = gan_nearest_name(name, candidates);
    }
    gan_fail(message, GAN_ERROR_NOT_FOUND, "there is no plugin \"%.64s\" in %.600s%s%s%s", name,
             where.data ? where.data : "any plugin folder (GAN_PLUGIN_PATH names them)",
             near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    free(list);
    free(where.data);
    return GAN_ERROR_NOT_FOUND;
}

static gan_status find_by_name(const char *name, char out[PATH_SIZE], gan_message *message)
{
    char(*folders)[PATH_SIZE] = calloc(PLUGIN_FOLDERS_MAX, PATH_SIZE);
    if (!folders)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory to look for the plugin %s", name);
    int count = plugin_folders(folders);
    gan_status status = GAN_ERROR_NOT_FOUND;
    for (int i = 0; i < count && status; i++) {
        char path[PATH_SIZE];
        if (!path_format(path, NULL, "%s/%s.so", folders[i], name) && access(path, F_OK) == 0) {
            strcpy(out, path);
            status = GAN_OK;
        }
    }
    if (status)
        status = name_not_found(name, folders, count, message);
    free(folders);
    return status;
}

static gan_status find_by_path(const char *name, char out[PATH_SIZE], gan_message *message)
{
    char full[PATH_MAX];
    if (!realpath(name, full))
        return gan_fail(message, errno == ENOENT || errno == ENOTDIR ? GAN_ERROR_NOT_FOUND : GAN_ERROR_PLUGIN_LOAD,
                        "cannot find the plugin %s: %s", name, strerror(errno));
    return path_format(out, message, "%s", full);
}

/* ---- loading ---- */

/* The loader maps what the program headers say, and a file that was cut short then ends the process with SIGBUS. So the
 * headers are held against the file's size first; an ELF file of another kind of machine is left to the loader's words.
 */
static bool is_cut(int fd, off_t size)
{
    ElfW(Ehdr) header;
    if (pread(fd, &header, sizeof header, 0) != sizeof header)
        return true;
    if (header.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) ||
        header.e_phentsize != sizeof(ElfW(Phdr)))
        return false;
    for (int i = 0; i < header.e_phnum; i++) {
        ElfW(Phdr) part;
        off_t at = (off_t)(header.e_phoff + (size_t)i * sizeof part);
        if (at < 0 || pread(fd, &part, sizeof part, at) != sizeof part)
            return true;
        if (part.p_type == PT_LOAD &&
            (part.p_offset > (uint64_t)size || part.p_filesz > (uint64_t)size - part.p_offset))
            return true;
    }
    return false;
}

static gan_status check_file(const char *path, gan_message *message)
{
    struct stat info;
    char magic[SELFMAG] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return gan_fail(message, GAN_ERROR_PLUGIN_LOAD, "cannot open the plugin %s: %s", path, strerror(errno));
    bool regular = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    bool elf = regular && pread(fd, magic, sizeof magic, 0) == sizeof magic && !memcmp(magic, ELFMAG, SELFMAG);
    bool cut = elf && is_cut(fd, info.st_size);
    close(fd);
    if (!elf)
        return gan_fail(message, GAN_ERROR_NOT_A_PLUGIN, "%s is not a ganhost plugin: it is no shared object", path);
    if (cut)
        return gan_fail(message, GAN_ERROR_PLUGIN_LOAD, "cannot load the plugin %s: the file is cut short", path);
    return GAN_OK;
}

/* Copy the symbol or version that follows `marker` in the loader's text, up to one of the characters in `ends`. */
static bool find_after(const char *reason, const char *marker, const char *ends, char *out, size_t size)
{
    const char *at = strstr(reason, marker);
    if (!at)
        return false;
    at += strlen(marker);
    snprintf(out, size, "%.*s", (int)strcspn(at, ends), at);
    return *out != '\0';
}

/* The loader's text, and what it means when it is about our own library: glibc says "version `GANSDK_1.1' not found",
 * "undefined symbol: gan_x, version GANSDK_1.0", or "libgansdk.so.2: cannot open shared object file". */
static gan_status fail_load(const char *path, const char *reason, gan_message *message)
{
    char name[64];
    if (find_after(reason, "version `GANSDK_", "'", name, sizeof name))
        return gan_fail(message, GAN_ERROR_ABI,
                        "%s needs libgansdk %s or newer, but this ganhost has %s: use a newer ganhost, or rebuild the "
                        "plugin with this one's SDK",
                        path, name, gan_version());
    if (find_after(reason, "undefined symbol: gan_", ", ", name, sizeof name))
        return gan_fail(message, GAN_ERROR_ABI,
                        "%s needs gan_%s, which libgansdk %s of this ganhost does not have: use a newer ganhost, or "
                        "rebuild the plugin with this one's SDK",
                        path, name, gan_version());
    if (find_after(reason, "libgansdk.so.", ": ", name, sizeof name) && strstr(reason, "cannot open shared object"))
        return gan_fail(
            message, GAN_ERROR_ABI,
            "%s was built for libgansdk %s, but this ganhost has %s: rebuild the plugin with this one's SDK", path,
            name, gan_version());
    return gan_fail(message, GAN_ERROR_PLUGIN_LOAD, "cannot load the plugin %s: %.600s", path, reason);
}

static gan_status load(plugin *p, gan_message *message)
{
    gan_status status = check_file(p->path, message);
    if (status)
        return status;
    p->handle = dlopen(p->path, RTLD_NOW | RTLD_LOCAL);
    if (!p->handle) {
        const char *reason = dlerror();
        return fail_load(p->path, reason ? reason : "no reason given", message);
    }
    gan_plugin_entry_fn entry = NULL;
    /* POSIX's way to make a function pointer of dlsym's result without breaking ISO C. */
    *(void **)&entry = dlsym(p->handle, GAN_PLUGIN_ENTRY_NAME);
    if (!entry)
        return gan_fail(message, GAN_ERROR_NOT_A_PLUGIN,
                        "%s is not a ganhost plugin: it does not export " GAN_PLUGIN_ENTRY_NAME, p->path);
    return plugin_accept(entry(), p->path, &p->table, message);
}

gan_status plugin_open(const char *name, plugin **out, gan_message *message)
{
    plugin *p = calloc(1, sizeof *p);
    if (!p)
        return gan_fail(message, GAN_ERROR_MEMORY, "no memory for the plugin %s", name);
    size_t length = strlen(name);
    p->bare = !strchr(name, '/') && !(length > 3 && strcmp(name + length - 3, ".so") == 0);
    gan_status status = p->bare ? find_by_name(name, p->path, message) : find_by_path(name, p->path, message);
    if (!status)
        status = load(p, message);
    if (status)
        plugin_close(p);
    else
        *out = p;
    return status;
}

void plugin_close(plugin *p)
{
    if (!p)
        return;
    if (p->handle)
        dlclose(p->handle);
    free(p);
}

const char *plugin_title(const plugin *p)
{
    return p->table.title ? p->table.title : p->table.id;
}
