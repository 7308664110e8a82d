package import Diagnostics
package import OCISpec

private func field(_ name: String) -> String { resourcesField + ".blockIO." + name }

extension LinuxBlockIO {
    /// The four lists of rate limits with their keys in the configuration and in the files of both versions.
    private var throttles: [(key: String, file1: String, name2: String, devices: [ThrottleDevice])] {
        [
            ("throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps", throttleReadBpsDevice),
            ("throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps", throttleWriteBpsDevice),
            ("throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops", throttleReadIOPSDevice),
            ("throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops", throttleWriteIOPSDevice),
        ]
    }

    /// Whether anything is asked for.
    var limitsAnything: Bool {
        weight ?? 0 != 0 || leafWeight ?? 0 != 0 || !weightDevice.isEmpty || throttles.contains { !$0.devices.isEmpty }
    }

    /// The writes for the version 1 blkio controller.
    ///
    /// Weights go to the CFQ scheduler's files, or to BFQ's where those are missing (since Linux 5.0).
    /// Source: config-linux.md "Block IO" (RT-config-linux-088 to 101); kernel cgroup-v1/blkio-controller.rst.
    package func cgroup1Writes() -> [CgroupWrite] {
        var writes: [CgroupWrite] = []
        func weigh(_ file: String, _ text: String, _ name: String) {
            writes.append(
                CgroupWrite(
                    file: "blkio." + file, text: text, field: field(name), fallback: .instead(file: "blkio.bfq." + file, text: text)))
        }
        if let weight, weight != 0 { weigh("weight", String(weight), "weight") }
        if let leafWeight, leafWeight != 0 {
            writes.append(CgroupWrite(file: "blkio.leaf_weight", text: String(leafWeight), field: field("leafWeight")))
        }
        for (index, device) in weightDevice.enumerated() {
            let name = "\(device.major):\(device.minor) "
            if let weight = device.weight { weigh("weight_device", name + String(weight), "weightDevice[\(index)].weight") }
            if let leafWeight = device.leafWeight {
                writes.append(
                    CgroupWrite(
                        file: "blkio.leaf_weight_device", text: name + String(leafWeight), field: field("weightDevice[\(index)].leafWeight")))
            }
        }
        for throttle in throttles {
            for (index, device) in throttle.devices.enumerated() {
                writes.append(
                    CgroupWrite(
                        file: throttle.file1, text: "\(device.major):\(device.minor) \(device.rate)", field: field("\(throttle.key)[\(index)].rate")))
            }
        }
        return writes
    }

    /// The writes for the version 2 io controller.
    ///
    /// Weights go to the BFQ scheduler's file as they are, or converted to `io.weight`: 10…1000 becomes 1…10000.
    /// - Throws: `.unsupported` for leaf weights, which version 2 lacks (RT-config-linux-122).
    /// Source: config-linux.md "Block IO"; kernel cgroup-v2.rst, "IO".
    package func cgroup2Writes() throws(OperationError) -> [CgroupWrite] {
        func unsupported(_ name: String) -> OperationError {
            OperationError("limit", "block IO", .unsupported("a leaf weight on cgroup version 2"), field: field(name))
        }
        if leafWeight ?? 0 != 0 { throw unsupported("leafWeight") }
        var writes: [CgroupWrite] = []
        func weigh(_ device: String, _ weight: UInt16, _ name: String) {
            let converted = weight == 0 ? "default" : String(1 + (Int(weight) - 10) * 9999 / 990)
            writes.append(
                CgroupWrite(
                    file: "io.bfq.weight", text: device + (weight == 0 ? "default" : String(weight)), field: field(name),
                    fallback: .instead(file: "io.weight", text: device + converted)))
        }
        if let weight, weight != 0 { weigh("", weight, "weight") }
        for (index, device) in weightDevice.enumerated() {
            if device.leafWeight ?? 0 != 0 { throw unsupported("weightDevice[\(index)].leafWeight") }
            if let weight = device.weight { weigh("\(device.major):\(device.minor) ", weight, "weightDevice[\(index)].weight") }
        }
        for throttle in throttles {
            for (index, device) in throttle.devices.enumerated() {
                // 0 lifts a limit in version 1; version 2 refuses it and has a word.
                let rate = device.rate == 0 ? "max" : String(device.rate)
                writes.append(
                    CgroupWrite(
                        file: "io.max", text: "\(device.major):\(device.minor) \(throttle.name2)=\(rate)",
                        field: field("\(throttle.key)[\(index)].rate")))
            }
        }
        return writes
    }
}
