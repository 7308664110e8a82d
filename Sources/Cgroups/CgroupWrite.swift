import Diagnostics

/// One write(2) into one file of a cgroup.
package struct CgroupWrite: Equatable, Sendable {
    /// What happens instead of an error; every fallback is for one named errno.
    package enum Fallback: Equatable, Sendable {
        case none
        /// `ENOENT`: nothing is lost without the file.
        case ignoreMissing
        /// `ENOENT`: this file and text serve the same end on other kernels.
        case instead(file: String, text: String)
        /// `EINVAL`: tried once more after the next write to `file`. The kernel checks pairs of limits against each
        /// other at every write, so that the right order depends on the old values.
        case again(after: String)
    }

    /// A name in the cgroup's own directory, never a path.
    package var file: String
    package var text: String
    /// The JSON path that asks for it.
    package var field: String?
    package var fallback: Fallback
    /// A file whose number must not be above that of `text`: a limit below the present use is refused before the kernel
    /// would kill for it.
    package var notBelow: String?

    package init(file: String, text: String, field: String? = nil, fallback: Fallback = .none, notBelow: String? = nil) {
        self.file = file
        self.text = text
        self.field = field
        self.fallback = fallback
        self.notBelow = notBelow
    }

    /// For people: `memory.max "536870912" (linux.resources.memory.limit)`.
    package var line: String {
        var line = file + " " + quoted(text)
        if let field { line += " (" + field + ")" }
        switch fallback {
        case .none: break
        case .ignoreMissing: line += ", if there is such a file"
        case .instead(let file, let text): line += ", or " + file + " " + quoted(text)
        case .again(let file): line += ", again after " + file
        }
        if let notBelow { line += ", not below " + notBelow }
        return line
    }
}

/// The part of the configuration that all fields here belong to.
let resourcesField = "linux.resources"

/// A limit in the kernel's words for version 2 files: "max" for no limit.
func limitText(_ value: Int64) -> String { value < 0 ? "max" : String(value) }
