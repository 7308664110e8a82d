import Diagnostics
import JSON
import OCISpec

/// A configuration with the least that it needs, and `members` more: "\"hostname\": \"a\"".
func config(_ members: String...) -> String {
    "{" + (["\"ociVersion\": \"1.3.0\"", "\"root\": {\"path\": \"rootfs\"}"] + members).joined(separator: ", ") + "}"
}
/// A configuration with a process that has `members` besides its working directory.
func config(process first: String, _ more: String...) -> String {
    config("\"process\": {" + (["\"cwd\": \"/\"", first] + more).joined(separator: ", ") + "}")
}
/// A configuration with `members` in its Linux section.
func config(linux first: String, _ more: String...) -> String { config("\"linux\": {" + ([first] + more).joined(separator: ", ") + "}") }

func parse(_ text: String) throws(OperationError) -> RuntimeConfig {
    try RuntimeConfig.parse(Array(text.utf8), source: "config.json")
}

/// The words of the refusal, without their beginning; "accepted" when there is none.
func refusal(_ text: String) -> String {
    do throws(OperationError) {
        _ = try parse(text)
        return "accepted"
    } catch {
        return String(error.description.trimmingPrefix("read \"config.json\" "))
    }
}
