import Diagnostics
package import OCISpec

extension LinuxUnified {
    /// The writes into one file of the version 2 cgroup: one for each line, since the kernel reads one entry per write.
    ///
    /// Source: config-linux.md "Unified" (RT-config-linux-117 to 120).
    package func writes() -> [CgroupWrite] {
        let field = resourcesField + ".unified[" + quoted(file) + "]"
        let lines = value.split(separator: "\n")
        // A write of nothing would not reach the file; the kernel strips the newline.
        if lines.isEmpty { return [CgroupWrite(file: file, text: "\n", field: field)] }
        return lines.map { CgroupWrite(file: file, text: String($0), field: field) }
    }

    /// The controller that the file belongs to; nil for the files of every cgroup ("cgroup.*").
    package var controller: String? {
        let prefix = String(file.prefix { $0 != "." })
        return prefix == "cgroup" ? nil : prefix
    }
}

