package import OCISpec

extension LinuxHugepageLimit {
    /// The writes for one size of huge pages: faults and, where the kernel has it (5.7), reservations.
    ///
    /// - Parameter index: the entry's place in `hugepageLimits`.
    /// Source: config-linux.md "Huge page limits" (RT-config-linux-102 to 104); kernel cgroup-v1/hugetlb.rst.
    package func writes(_ version: CgroupHierarchy.Version, index: Int) -> [CgroupWrite] {
        let suffix = version == .v1 ? "limit_in_bytes" : "max"
        let field = resourcesField + ".hugepageLimits[\(index)]"
        return [
            CgroupWrite(file: "hugetlb.\(pageSize).\(suffix)", text: String(limit), field: field),
            CgroupWrite(file: "hugetlb.\(pageSize).rsvd.\(suffix)", text: String(limit), field: field, fallback: .ignoreMissing),
        ]
    }
}
