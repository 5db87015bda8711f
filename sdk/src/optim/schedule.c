/* schedule.c - learning-rate schedules. */
#include <math.h>

#include <gan/optim.h>

double gan_schedule_at(gan_schedule schedule, double progress)
{
    double decay = 0.0; /* how much of the decay is behind, in [0, 1] */
    if (progress > schedule.start && schedule.start < 1.0)
        decay = (progress - schedule.start) / (1.0 - schedule.start);
    decay = decay < 1.0 ? decay : 1.0;
    switch (schedule.kind) {
    case GAN_SCHEDULE_CONSTANT:
        break;
    case GAN_SCHEDULE_LINEAR:
        return 1.0 - decay;
    case GAN_SCHEDULE_COSINE:
        return 0.5 * (1.0 + cos(3.14159265358979323846 * decay));
    }
    return 1.0;
}
