// Threads for the image unpacker: one typed C function each. `cale` does not link this; the module graph sees to it.
//
// Functions that can fail answer 0 or the negated errno.
#pragma once
#include <stdint.h>

/// Starts a thread that calls `body(context)`. It must be joined.
int32_t thread_start(void (*body)(void *), void *context, uint64_t *thread);
/// Waits for the end of a thread.
void thread_join(uint64_t thread);
/// How many processors this process may use.
int32_t thread_processors(void);

/// A lock, and a place to wait for a change of what it guards. NULL without memory.
struct thread_monitor;
struct thread_monitor *thread_monitor_make(void);
void thread_monitor_free(struct thread_monitor *monitor);
void thread_monitor_lock(struct thread_monitor *monitor);
void thread_monitor_unlock(struct thread_monitor *monitor);
/// Gives the lock back, waits for a wake, and takes it again; may return without one.
void thread_monitor_wait(struct thread_monitor *monitor);
void thread_monitor_wake_all(struct thread_monitor *monitor);
