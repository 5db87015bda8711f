#define _GNU_SOURCE
#include "data/parallel.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_THREADS    256
#define PROGRESS_NANOS 100000000 /* between two calls of progress */

typedef struct crew {
    const gan__parallel *job;
    atomic_llong next; /* item to begin */
    atomic_llong done;
    atomic_bool stopping;
    pthread_mutex_t lock;
    pthread_cond_t left; /* a thread has ended */
    int running;
} crew;

int gan__core_count(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count < 1 ? 1 : count > MAX_THREADS ? MAX_THREADS : count;
}

static bool work_on_next(crew *c)
{
    long long item = atomic_fetch_add(&c->next, 1);
    if (item >= c->job->end || atomic_load(&c->stopping))
        return false;
    if (!c->job->work(item, c->job->user))
        atomic_store(&c->stopping, true);
    atomic_fetch_add(&c->done, 1);
    return true;
}

static void *work(void *argument)
{
    crew *c = argument;
    while (work_on_next(c))
        ;
    pthread_mutex_lock(&c->lock);
    c->running--;
    pthread_cond_signal(&c->left);
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static bool report(crew *c)
{
    const gan__parallel *job = c->job;
    int64_t total = job->total ? job->total : job->end;
    return !job->progress || job->progress(job->first + atomic_load(&c->done), total, job->progress_user);
}

static struct timespec soon(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += PROGRESS_NANOS;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

static bool passed(const struct timespec *t)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > t->tv_sec || (now.tv_sec == t->tv_sec && now.tv_nsec >= t->tv_nsec);
}

static bool run_alone(crew *c)
{
    struct timespec next = soon();
    bool wanted = true;
    while (wanted && work_on_next(c))
        if (passed(&next)) {
            wanted = report(c);
            next = soon();
        }
    return wanted;
}

/* Until all threads have ended; false once progress says stop. */
static bool wait_for(crew *c)
{
    bool wanted = true;
    pthread_mutex_lock(&c->lock);
    while (c->running > 0) {
        struct timespec until = soon();
        if (pthread_cond_timedwait(&c->left, &c->lock, &until) != ETIMEDOUT || !wanted)
            continue;
        pthread_mutex_unlock(&c->lock);
        wanted = report(c);
        if (!wanted)
            atomic_store(&c->stopping, true);
        pthread_mutex_lock(&c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    return wanted;
}

static gan_status run_threads(crew *c, int threads, bool *wanted, gan_message *message)
{
    pthread_t thread[MAX_THREADS];
    sigset_t all, before;
    pthread_condattr_t clock;
    int started = 0, error = 0;
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&c->left, &clock);
    pthread_condattr_destroy(&clock);
    sigfillset(&all); /* signals are for the program's own threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    c->running = threads;
    while (started < threads && (error = pthread_create(&thread[started], NULL, work, c)) == 0)
        started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_mutex_lock(&c->lock);
    c->running -= threads - started;
    pthread_mutex_unlock(&c->lock);
    *wanted = wait_for(c); /* with fewer threads than wanted it takes longer */
    for (int i = 0; i < started; i++)
        pthread_join(thread[i], NULL);
    pthread_cond_destroy(&c->left);
    pthread_mutex_destroy(&c->lock);
    if (started == 0)
        return gan_fail(message, GAN_ERROR_MEMORY, "a thread cannot be started: %s", strerror(error));
    return GAN_OK;
}

gan_status gan__parallel_run(const gan__parallel *parallel, gan_message *message)
{
    crew c = {.job = parallel};
    int64_t items = parallel->end - parallel->first;
    int threads = parallel->threads > 0 ? parallel->threads : gan__core_count();
    bool wanted = true;
    threads = threads > MAX_THREADS ? MAX_THREADS : threads > items ? (int)items : threads;
    atomic_init(&c.next, parallel->first);
    gan_status status = GAN_OK;
    if (threads <= 1)
        wanted = run_alone(&c);
    else
        status = run_threads(&c, threads, &wanted, message);
    if (status == GAN_OK && wanted)
        wanted = report(&c);
    if (status == GAN_OK && !wanted)
        return gan_fail(message, GAN_INTERRUPTED, "interrupted at %lld of %lld", (long long)(parallel->first + c.done),
                        (long long)(parallel->total ? parallel->total : parallel->end));
    return status;
}
