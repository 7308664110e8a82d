// Limits as JSON again: what a container's updates have made of its configuration is kept in this form.
package import Diagnostics
import JSON

extension LinuxResources {
    /// Reads the text of one object of limits.
    ///
    /// - Parameter source: what the bytes are, for errors.
    package static func parse(_ bytes: [UInt8], source: String) throws(OperationError) -> LinuxResources {
        let document = try JSONDocument(parsing: bytes, source: source)
        return try document.decode { (value) throws(OperationError) in try LinuxResources(try value.object()) }
    }

    /// These limits as JSON on one line, without device rules; what is not set is left out.
    package var text: String {
        var writer = JSONWriter()
        writer.object { writer in
            if let memory { writer.object("memory") { memory.write(to: &$0) } }
            if let cpu { writer.object("cpu") { cpu.write(to: &$0) } }
            if let pids { writer.object("pids") { $0.optional("limit", pids.limit) } }
            if let blockIO { writer.object("blockIO") { blockIO.write(to: &$0) } }
            writer.list("hugepageLimits", hugepageLimits) { writer, limit in
                writer.member("pageSize", limit.pageSize)
                writer.member("limit", limit.limit)
            }
            if let network { writer.object("network") { network.write(to: &$0) } }
            if !rdma.isEmpty {
                writer.object("rdma") { writer in
                    for entry in rdma {
                        writer.object(entry.device) { writer in
                            writer.optional("hcaHandles", entry.hcaHandles)
                            writer.optional("hcaObjects", entry.hcaObjects)
                        }
                    }
                }
            }
            if !unified.isEmpty { writer.member("unified", unified.map { ($0.file, $0.value) }) }
        }
        return writer.text
    }
}

extension JSONWriter {
    fileprivate mutating func optional(_ key: String, _ value: (some BinaryInteger)?) {
        if let value { member(key, value) }
    }

    fileprivate mutating func optional(_ key: String, _ value: String?) {
        if let value { member(key, value) }
    }

    fileprivate mutating func object(_ key: String, _ body: (inout JSONWriter) -> Void) {
        self.key(key)
        object(body)
    }

    /// A list of objects; nothing at all for an empty one.
    fileprivate mutating func list<Entry>(_ key: String, _ entries: [Entry], _ body: (inout JSONWriter, Entry) -> Void) {
        if entries.isEmpty { return }
        self.key(key)
        array { writer in for entry in entries { writer.object { body(&$0, entry) } } }
    }
}

extension LinuxMemory {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.optional("limit", limit)
        writer.optional("reservation", reservation)
        writer.optional("swap", swap)
        writer.optional("kernel", kernel)
        writer.optional("kernelTCP", kernelTCP)
        writer.optional("swappiness", swappiness)
        writer.optional("disableOOMKiller", disableOOMKiller)
        writer.optional("useHierarchy", useHierarchy)
        writer.optional("checkBeforeUpdate", checkBeforeUpdate)
    }
}

extension LinuxCPU {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.optional("shares", shares)
        writer.optional("quota", quota)
        writer.optional("burst", burst)
        writer.optional("period", period)
        writer.optional("realtimeRuntime", realtimeRuntime)
        writer.optional("realtimePeriod", realtimePeriod)
        writer.optional("cpus", cpus)
        writer.optional("mems", mems)
        writer.optional("idle", idle)
    }
}

extension LinuxBlockIO {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.optional("weight", weight)
        writer.optional("leafWeight", leafWeight)
        writer.list("weightDevice", weightDevice) { writer, device in
            writer.member("major", device.major)
            writer.member("minor", device.minor)
            writer.optional("weight", device.weight)
            writer.optional("leafWeight", device.leafWeight)
        }
        Self.write("throttleReadBpsDevice", throttleReadBpsDevice, to: &writer)
        Self.write("throttleWriteBpsDevice", throttleWriteBpsDevice, to: &writer)
        Self.write("throttleReadIOPSDevice", throttleReadIOPSDevice, to: &writer)
        Self.write("throttleWriteIOPSDevice", throttleWriteIOPSDevice, to: &writer)
    }

    private static func write(_ key: String, _ devices: [ThrottleDevice], to writer: inout JSONWriter) {
        writer.list(key, devices) { writer, device in
            writer.member("major", device.major)
            writer.member("minor", device.minor)
            writer.member("rate", device.rate)
        }
    }
}

extension LinuxNetwork {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.optional("classID", classID)
        writer.list("priorities", priorities) { writer, entry in
            writer.member("name", entry.name)
            writer.member("priority", entry.priority)
        }
    }
}
