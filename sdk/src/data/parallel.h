/* parallel.h - the same work on many items, by threads of its own. Internal to data/. */
#ifndef GAN_DATA_PARALLEL_H
#define GAN_DATA_PARALLEL_H

#include <gan/data.h>

/* Work on one item; false: items that come after it are not begun (those before it are). */
typedef bool (*gan__work)(int64_t index, void *user);

typedef struct gan__parallel {
    int64_t first, end; /* items */
    int threads;        /* 0: as many as there are cores */
    gan__work work;
    void *user;
    int64_t total;              /* items that progress speaks of; 0: `end` */
    gan_data_progress progress; /* may be NULL */
    void *progress_user;
} gan__parallel;

/* Items are begun in order; one thread alone is the caller's own. `progress` is called now and then and at the end,
 * from the caller's thread. Errors: GAN_INTERRUPTED when it says so, GAN_ERROR_MEMORY when no thread can be started. */
gan_status gan__parallel_run(const gan__parallel *parallel, gan_message *message);

/* CPU cores that the process may use, at least 1. */
int gan__core_count(void);

#endif
