/// Why an operation could not be carried out.
package enum Cause: Equatable, Sendable {
    /// The kernel said so.
    case errno(Errno)
    /// What was asked for is wrong in itself; the text says why, in lower case and without a full stop.
    case invalid(String)
    /// What was asked for is right, but this program or this host cannot do it; the text says what.
    case unsupported(String)
}

/// A failed operation, in words that explain it without strace: what was done, to what, and why it failed.
///
/// Printed as `create "web": mount "/proc" (mounts[0]): Operation not permitted (EPERM); hint: …`.
package struct OperationError: Error, Equatable, Sendable {
    /// A verb: "mount", "read", "open".
    package var operation: String
    /// What the operation was done to: a path, a name; empty when the operation says it all.
    package var subject: String
    package var cause: Cause
    /// The JSON path at fault, if the configuration is: "mounts[0].destination".
    package var field: String?
    /// What to do about it, only if we know.
    package var hint: String?
    /// Outer operations, outermost first: `create "web"`.
    package var context: [String]

    package init(_ operation: String, _ subject: String, _ cause: Cause, field: String? = nil, hint: String? = nil) {
        self.operation = operation
        self.subject = subject
        self.cause = cause
        self.field = field
        self.hint = hint
        self.context = []
    }

    /// The same error with one more outer operation. Called once per level of meaning, not once per function.
    package consuming func within(_ outer: String) -> OperationError {
        context.insert(outer, at: 0)
        return self
    }

    /// The same error with the JSON path `field`, unless it has one.
    package consuming func at(field: String) -> OperationError {
        if self.field == nil { self.field = field }
        return self
    }

    /// The errno, if the kernel said no.
    package var errno: Errno? {
        if case .errno(let errno) = cause { errno } else { nil }
    }
}

extension OperationError: CustomStringConvertible {
    package var description: String {
        var text = ""
        for outer in context { text += outer + ": " }
        text += operation
        if !subject.isEmpty { text += " " + quoted(subject) }
        if let field { text += " (\(field))" }
        text += ": "
        switch cause {
        case .errno(let errno): text += "\(errno.explanation) (\(errno.name))"
        case .invalid(let why): text += why
        case .unsupported(let what): text += what + " is not supported"
        }
        if let hint { text += "; hint: " + hint }
        return text
    }
}

extension OperationError {
    /// The description as one line for people: what hints and reasons say in words from outside can do nothing to a terminal.
    package var line: String { escaped(description, isSentence: true) }
}

/// `text` in double quotes with control characters, quotes and backslashes escaped, so that bytes from outside cannot
/// write to a terminal or forge a line of a log.
package func quoted(_ text: String) -> String {
    var out = "\""
    out += escaped(text)
    out += "\""
    return out
}

/// `text` with control characters, double quotes and backslashes escaped as in C.
///
/// - Parameter isSentence: leaves quotes and backslashes as they are: the names in it are quoted already.
package func escaped(_ text: String, isSentence: Bool = false) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
        switch scalar.value {
        case 0x0A: out += "\\n"
        case 0x09: out += "\\t"
        case 0x0D: out += "\\r"
        case 0x22 where !isSentence: out += "\\\""
        case 0x5C where !isSentence: out += "\\\\"
        default:
            if isInvisible(scalar) {
                out += "\\u{" + String(scalar.value, radix: 16) + "}"
            } else {
                out.unicodeScalars.append(scalar)
            }
        }
    }
    return out
}

/// Whether `scalar` does something to a terminal or a reader instead of showing itself: the control characters of ASCII and
/// Latin-1, line separators, zero-width letters, and the controls of bidirectional text, which can make a line look like another one.
package func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x061C, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF: true
    default: false
    }
}
