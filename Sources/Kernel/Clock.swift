import CKernel

/// Nanoseconds since 1970-01-01T00:00:00Z. Source: clock_gettime(2), `CLOCK_REALTIME`.
package func realtimeNanoseconds() -> Int64 { kernel_realtime_nanoseconds() }
