import Cgroups
package import Diagnostics
import OCISpec

extension Container {
    /// The pids, as this process sees them, of all processes in the container's cgroup and the cgroups below it.
    ///
    /// Empty when the container has stopped.
    /// - Throws: `.unsupported` for a container without a cgroup of its own.
    package borrowing func processes() throws(OperationError) -> [Int32] {
        if state.cgroupDirectories.isEmpty && state.pid > 0 {
            throw OperationError(
                "list processes of container", state.id, .unsupported("listing the processes of a container without a cgroup"))
        }
        return try state.cgroup.processes()
    }
}

/// The header of a listing by ps(1), and its lines about `processes`.
///
/// - Throws: `.invalid` for a listing without the column PID, and for a line that has no number there.
package func processTable(_ listing: String, of processes: [Int32]) throws(OperationError) -> String {
    func refused(_ why: String) -> OperationError {
        OperationError("read output of", "ps", .invalid(why), hint: "let ps print the column \"pid\" first")
    }
    func words(_ line: Substring) -> [Substring] { line.split { $0 == " " || $0 == "\t" } }
    let lines = listing.split(separator: "\n")
    let header = lines.first ?? ""
    let names = words(header)
    guard let column = names.firstIndex(of: "PID") else { throw refused("there is no column PID") }
    // a column such as CMD has spaces: what comes after it can only be counted from the end, where it is the last
    let isLast = column > 0 && column == names.count - 1
    let wanted = Set(processes)
    var text = String(header) + "\n"
    for line in lines.dropFirst() {
        let fields = words(line)
        let found = isLast ? fields.last : column < fields.count ? fields[column] : nil
        guard let found, let pid = Int32(found) else { throw refused("there is no pid in the line \(quoted(String(line)))") }
        if wanted.contains(pid) { text += line + "\n" }
    }
    return text
}
