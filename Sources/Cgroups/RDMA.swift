package import OCISpec

extension LinuxRDMA {
    /// The write for one device; both versions read the same text.
    ///
    /// Source: config-linux.md "RDMA" (RT-config-linux-113 to 116); kernel cgroup-v2.rst, "RDMA".
    package func writes() -> [CgroupWrite] {
        var text = device
        if let hcaHandles { text += " hca_handle=\(hcaHandles)" }
        if let hcaObjects { text += " hca_object=\(hcaObjects)" }
        return [CgroupWrite(file: "rdma.max", text: text, field: resourcesField + ".rdma." + device)]
    }
}
