package import Diagnostics
package import JSON

/// Source: config-linux.md "Memory" (RT-config-linux-067).
package struct LinuxMemory: Equatable, Sendable {
    /// Bytes; -1 means no limit. The same holds for the next four.
    package var limit: Int64?
    package var reservation: Int64?
    /// Memory and swap together.
    package var swap: Int64?
    package var kernel: Int64?
    package var kernelTCP: Int64?
    /// 0 to 100.
    package var swappiness: UInt64?
    package var disableOOMKiller: Bool?
    package var useHierarchy: Bool?
    package var checkBeforeUpdate: Bool?

    package init(
        limit: Int64? = nil, reservation: Int64? = nil, swap: Int64? = nil, kernel: Int64? = nil, kernelTCP: Int64? = nil,
        swappiness: UInt64? = nil, disableOOMKiller: Bool? = nil, useHierarchy: Bool? = nil, checkBeforeUpdate: Bool? = nil
    ) {
        self.limit = limit
        self.reservation = reservation
        self.swap = swap
        self.kernel = kernel
        self.kernelTCP = kernelTCP
        self.swappiness = swappiness
        self.disableOOMKiller = disableOOMKiller
        self.useHierarchy = useHierarchy
        self.checkBeforeUpdate = checkBeforeUpdate
    }

    package init(_ object: JSONObject) throws(OperationError) {
        func bytes(_ value: JSONValue) throws(OperationError) -> Int64 {
            let count: Int64 = try value.integer()
            if count < -1 { throw value.refused("\(count) is no number of bytes (-1 means no limit)") }
            return count
        }
        limit = try object.optional("limit", bytes)
        reservation = try object.optional("reservation", bytes)
        let limit = self.limit
        swap = try object.optional("swap") { (value) throws(OperationError) in
            let swap = try bytes(value)
            if let limit, swap > 0, swap < limit {
                throw value.refused("\(swap) is below the memory limit of \(limit): it limits memory and swap together")
            }
            return swap
        }
        kernel = try object.optional("kernel", bytes)
        kernelTCP = try object.optional("kernelTCP", bytes)
        swappiness = try object.optional("swappiness") { (value) throws(OperationError) in
            let swappiness: UInt64 = try value.integer()
            if swappiness > 100 { throw value.refused("\(swappiness) is out of range (0 to 100)") }
            return swappiness
        }
        disableOOMKiller = try object.boolean("disableOOMKiller")
        useHierarchy = try object.boolean("useHierarchy")
        checkBeforeUpdate = try object.boolean("checkBeforeUpdate")
    }
}
