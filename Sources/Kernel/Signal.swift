import CKernel
package import Diagnostics

/// Blocks all signals, so that they can be read from `allSignals`.
package func blockAllSignals() throws(Errno) { try check(kernel_signal_mask_all()) }
package func unblockAllSignals() throws(Errno) { try check(kernel_signal_mask_none()) }
/// Makes a write to a pipe or socket without a reader an error, `EPIPE`, instead of the end of this program.
package func ignoreBrokenPipes() throws(Errno) { try check(kernel_ignore_signal(13)) }
package func isIgnored(signal: Int32) -> Bool { kernel_is_ignored(signal) == 1 }
/// Gives signals that the caller of this program ignored their default action again.
package func restoreDefaultSignals() throws(Errno) { try check(kernel_signals_to_default()) }

extension FileDescriptor {
    /// A non-blocking signalfd(2) for all signals; they must be blocked.
    package static func allSignals() throws(Errno) -> FileDescriptor { FileDescriptor(owning: try check(kernel_signalfd(.max))) }

    /// A non-blocking signalfd(2) for these signals; they must be blocked.
    package static func signals(_ numbers: [Int32]) throws(Errno) -> FileDescriptor {
        FileDescriptor(owning: try check(kernel_signalfd(numbers.reduce(0) { $0 | 1 << UInt64($1 - 1) })))
    }

    /// The next signal of this signalfd; nil when there is none.
    package borrowing func nextSignal() throws(Errno) -> (number: Int32, sender: Int32)? {
        var sender: Int32 = 0
        let answer = unsafe kernel_next_signal(raw, &sender)
        if answer == -EAGAIN || answer == -EINTR { return nil }
        return (try check(answer), sender)
    }
}

/// The signals of Linux by name. Source: signal(7); the numbers are those of x86 and ARM.
package enum SignalName {
    private static var names: [(String, Int32)] {
        [
            ("HUP", 1), ("INT", 2), ("QUIT", 3), ("ILL", 4), ("TRAP", 5), ("ABRT", 6), ("IOT", 6), ("BUS", 7), ("FPE", 8), ("KILL", 9),
            ("USR1", 10), ("SEGV", 11), ("USR2", 12), ("PIPE", 13), ("ALRM", 14), ("TERM", 15), ("STKFLT", 16), ("CHLD", 17),
            ("CLD", 17), ("CONT", 18), ("STOP", 19), ("TSTP", 20), ("TTIN", 21), ("TTOU", 22), ("URG", 23), ("XCPU", 24), ("XFSZ", 25),
            ("VTALRM", 26), ("PROF", 27), ("WINCH", 28), ("IO", 29), ("POLL", 29), ("PWR", 30), ("SYS", 31),
        ]
    }

    /// "SIGTERM" for 15; the number for one without a name.
    package static func name(of number: Int32) -> String { names.first { $0.1 == number }.map { "SIG" + $0.0 } ?? "\(number)" }

    /// The number for "TERM", "SIGTERM", "sigterm", "15" or "RTMIN+3"; nil for anything else. Numbers are 0 to 64.
    package static func number(of word: String) -> Int32? {
        if let number = Int32(word) { return (0...64).contains(number) && word.utf8.first != UInt8(ascii: "+") ? number : nil }
        var name = word.uppercased()
        if name.hasPrefix("SIG") { name = String(name.dropFirst(3)) }
        if let found = names.first(where: { $0.0 == name }) { return found.1 }
        return realTimeNumber(of: name)
    }

    private static func realTimeNumber(of name: String) -> Int32? {
        // 34 and 64 as glibc counts: it keeps the first two for itself
        if name == "RTMIN" { return 34 }
        if name == "RTMAX" { return 64 }
        if name.hasPrefix("RTMIN+"), let offset = Int32(name.dropFirst(6)), (0...30).contains(offset) { return 34 + offset }
        if name.hasPrefix("RTMAX-"), let offset = Int32(name.dropFirst(6)), (0...30).contains(offset) { return 64 - offset }
        return nil
    }
}
