import CKernel

/// Nanoseconds since 1970-01-01T00:00:00Z. Source: clock_gettime(2), `CLOCK_REALTIME`.
package func realtimeNanoseconds() -> Int64 { kernel_realtime_nanoseconds() }

/// Nanoseconds of a clock that never steps. Source: clock_gettime(2), `CLOCK_MONOTONIC`.
package func monotonicNanoseconds() -> Int64 { kernel_monotonic_nanoseconds() }

/// Sleeps; a signal ends it early.
package func sleep(milliseconds: Int64) { kernel_sleep_nanoseconds(milliseconds * 1_000_000) }
