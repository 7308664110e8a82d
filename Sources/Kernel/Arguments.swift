import CKernel
package import Diagnostics

/// The arguments of this program, its name first. Embedded Swift has no `CommandLine`.
package func programArguments() -> [String] {
    (0..<kernel_argument_count()).compactMap { index in
        guard let argument = unsafe kernel_argument(index) else { return nil }
        return unsafe String(cString: argument)
    }
}

/// The value of the environment variable `name`, if it is set.
package func environment(_ name: String) -> String? {
    let prefix = name + "="
    return environment().first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
}

/// All entries `NAME=value` of the environment.
package func environment() -> [String] {
    var entries: [String] = []
    var index: Int32 = 0
    while let entry = unsafe kernel_environment(index) {
        entries.append(unsafe String(cString: entry))
        index += 1
    }
    return entries
}

/// The path by which the kernel executed this program (`AT_EXECFN`).
package func executedPath() -> String {
    guard let path = unsafe kernel_executed_path() else { return "" }
    return unsafe String(cString: path)
}

/// Overwrites the arguments and the environment of this program, which others read in /proc.
package func blankArguments() { kernel_blank_arguments() }

/// Refuses to go on as `program` when it was executed with rights that its caller need not have: by a set-user-ID bit, or by capabilities of its file.
package func refuseRightsByExecution(_ program: String) throws(OperationError) {
    if kernel_changed_user() == 0 { return }
    throw OperationError(
        "start", program, .invalid("its file gives it rights that would so be every user's"),
        hint: "it must have no set-user-ID or set-group-ID bit (chmod a-s) and no capabilities (setcap -r)")
}

/// Whether nobody can write the file that runs as this program.
/// - Throws: `ENODEV` when /proc is no procfs, and does not tell; what statfs(2) throws.
package func runsSealed() throws(Errno) -> Bool {
    let answer = kernel_runs_sealed()
    if answer < 0 { throw Errno(-answer) }
    return answer == 1
}

/// Ends the program.
package func exitProgram(_ status: Int32) -> Never { kernel_exit(status) }

/// Whether `text` matches the POSIX extended regular expression `pattern`; nil for a bad pattern. Source: regex(7).
package func matches(_ text: String, pattern: String) -> Bool? {
    let answer = unsafe kernel_matches(text, pattern)
    return answer < 0 ? nil : answer == 1
}
