/* fiber.h - stacks to switch between, for threads of a block that wait. Internal to the emulation. */
#ifndef GAN_EMULATED_FIBER_H
#define GAN_EMULATED_FIBER_H

#ifdef __SANITIZE_ADDRESS__
#define GAN_EMULATED_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GAN_EMULATED_ADDRESS_SANITIZER 1
#endif
#endif

typedef struct gan_emulated_fiber gan_emulated_fiber;

/* A fiber that calls body() whenever it is entered anew; NULL when there is no memory. They are kept for ever. */
gan_emulated_fiber *gan_emulated_fiber_new(void (*body)());
/* Go on in `fiber`, or begin its body, until it leaves. */
void gan_emulated_fiber_enter(gan_emulated_fiber *fiber);
/* Back to whoever entered; called in a fiber. When its body returns, a fiber leaves too. */
void gan_emulated_fiber_leave();

#endif
