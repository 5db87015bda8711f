#include "png_queue.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 4
#define ROOM    16
#define BYTES   ((int64_t)64 << 20) /* of pictures that wait or are being written, unless it is one alone */

typedef struct task {
    char *path;
    gan_image image;
} task;

struct png_queue {
    pthread_t thread[THREADS];
    int threads;
    pthread_mutex_t lock;
    pthread_cond_t more, less; /* a task has come, or the end; one is done */
    task task[ROOM];           /* a ring: `waiting` of them from `first` on */
    int first, waiting, busy;  /* busy: being written */
    int64_t bytes;             /* of all that wait or are being written */
    bool closing;
    gan_status status; /* the first error */
    gan_message message;
};

static int64_t bytes_of(const gan_image *image)
{
    return image->width * image->height * image->channels;
}

static void end_task(task *t)
{
    free(t->path);
    gan_image_free(&t->image);
}

/* The next task, once there is one; false at the end. With the lock. */
static bool take(png_queue *q, task *out)
{
    while (q->waiting == 0 && !q->closing)
        pthread_cond_wait(&q->more, &q->lock);
    if (q->waiting == 0)
        return false;
    *out = q->task[q->first];
    q->first = (q->first + 1) % ROOM;
    q->waiting--;
    q->busy++;
    return true;
}

static void *work(void *argument)
{
    png_queue *q = argument;
    task t;
    pthread_mutex_lock(&q->lock);
    while (take(q, &t)) {
        gan_message message = {{0}};
        gan_status status = q->status;
        pthread_mutex_unlock(&q->lock);
        if (!status)
            status = gan_png_write(t.path, &t.image, &message);
        int64_t bytes = bytes_of(&t.image);
        end_task(&t);
        pthread_mutex_lock(&q->lock);
        if (status && !q->status) {
            q->status = status;
            q->message = message;
        }
        q->busy--;
        q->bytes -= bytes;
        pthread_cond_signal(&q->less);
    }
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

/* Signals are left to the thread that asks for pictures. */
static void start_threads(png_queue *q)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (q->threads < THREADS && pthread_create(&q->thread[q->threads], NULL, work, q) == 0)
        q->threads++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

png_queue *png_queue_open(void)
{
    png_queue *q = calloc(1, sizeof *q);
    if (!q)
        return NULL;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->more, NULL);
    pthread_cond_init(&q->less, NULL);
    start_threads(q);
    return q;
}

static gan_status told(const png_queue *q, gan_message *message)
{
    return q->status ? gan_fail(message, q->status, "%s", q->message.text) : GAN_OK;
}

static gan_status put(png_queue *q, task *t, gan_message *message)
{
    int64_t bytes = bytes_of(&t->image);
    pthread_mutex_lock(&q->lock);
    while (!q->status && (q->waiting == ROOM || (q->waiting + q->busy > 0 && q->bytes + bytes > BYTES)))
        pthread_cond_wait(&q->less, &q->lock);
    gan_status status = told(q, message);
    if (!status) {
        q->task[(q->first + q->waiting++) % ROOM] = *t;
        q->bytes += bytes;
        pthread_cond_signal(&q->more);
    }
    pthread_mutex_unlock(&q->lock);
    return status;
}

gan_status png_queue_add(png_queue *q, const char *path, gan_image *image, gan_message *message)
{
    task t = {.path = strdup(path), .image = *image};
    *image = (gan_image){0};
    gan_status status;
    bool queued = t.path && q->threads > 0;
    if (!t.path)
        status = gan_fail(message, GAN_ERROR_MEMORY, "no memory to write %.700s", path);
    else
        status = queued ? put(q, &t, message) : gan_png_write(t.path, &t.image, message);
    if (status || !queued)
        end_task(&t);
    return status;
}

gan_status png_queue_close(png_queue *q, gan_message *message)
{
    if (!q)
        return GAN_OK;
    pthread_mutex_lock(&q->lock);
    q->closing = true;
    pthread_cond_broadcast(&q->more);
    pthread_mutex_unlock(&q->lock);
    for (int i = 0; i < q->threads; i++)
        pthread_join(q->thread[i], NULL);
    gan_status status = told(q, message);
    pthread_cond_destroy(&q->more);
    pthread_cond_destroy(&q->less);
    pthread_mutex_destroy(&q->lock);
    free(q);
    return status;
}
