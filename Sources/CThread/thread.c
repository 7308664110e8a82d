#define _GNU_SOURCE
#include "CThread.h"
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

struct thread_monitor {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

struct start {
    void (*body)(void *);
    void *context;
};

static void *run(void *argument) {
    struct start start = *(struct start *)argument;
    free(argument);
    start.body(start.context);
    return NULL;
}

int32_t thread_start(void (*body)(void *), void *context, uint64_t *thread) {
    struct start *start = malloc(sizeof *start);
    if (start == NULL) return -12;
    *start = (struct start){body, context};
    pthread_t made;
    int error = pthread_create(&made, NULL, run, start);
    if (error != 0) free(start);
    else *thread = (uint64_t)made;
    return -error;
}

void thread_join(uint64_t thread) { pthread_join((pthread_t)thread, NULL); }

int32_t thread_processors(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

struct thread_monitor *thread_monitor_make(void) {
    struct thread_monitor *monitor = malloc(sizeof *monitor);
    if (monitor == NULL) return NULL;
    pthread_mutex_init(&monitor->mutex, NULL);
    pthread_cond_init(&monitor->changed, NULL);
    return monitor;
}

void thread_monitor_free(struct thread_monitor *monitor) {
    pthread_cond_destroy(&monitor->changed);
    pthread_mutex_destroy(&monitor->mutex);
    free(monitor);
}

void thread_monitor_lock(struct thread_monitor *monitor) { pthread_mutex_lock(&monitor->mutex); }
void thread_monitor_unlock(struct thread_monitor *monitor) { pthread_mutex_unlock(&monitor->mutex); }
void thread_monitor_wait(struct thread_monitor *monitor) { pthread_cond_wait(&monitor->changed, &monitor->mutex); }
void thread_monitor_wake_all(struct thread_monitor *monitor) { pthread_cond_broadcast(&monitor->changed); }
