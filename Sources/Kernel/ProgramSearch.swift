import Diagnostics

/// Where $PATH leads for the program `name`; nil when no directory has one that may be executed, for whatever reason.
///
/// - Parameter standard: the directories when there is no $PATH.
package func findProgram(_ name: String, standard: String = "/usr/sbin:/usr/bin:/sbin:/bin") -> Path? {
    (environment("PATH") ?? standard).split(separator: ":").lazy.map { Path(String($0)).appending(name) }.first(where: mayExecute)
}

/// Whether this process may execute `path`.
package func mayExecute(_ path: Path) -> Bool {
    do throws(Errno) {
        try mayAccess(path, mode: 1)
        return true
    } catch {
        return false
    }
}
