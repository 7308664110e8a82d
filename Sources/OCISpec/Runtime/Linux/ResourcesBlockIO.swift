package import Diagnostics
package import JSON

/// Source: config-linux.md "Block IO" (RT-config-linux-088).
package struct LinuxBlockIO: Equatable, Sendable {
    /// 10 to 1000; 0 means not set.
    package var weight: UInt16?
    /// 10 to 1000; 0 means not set.
    package var leafWeight: UInt16?
    package var weightDevice: [WeightDevice]
    /// Bytes per second.
    package var throttleReadBpsDevice: [ThrottleDevice]
    package var throttleWriteBpsDevice: [ThrottleDevice]
    /// Operations per second.
    package var throttleReadIOPSDevice: [ThrottleDevice]
    package var throttleWriteIOPSDevice: [ThrottleDevice]

    /// A device's own weights. Source: config-linux.md "Block IO".
    package struct WeightDevice: Equatable, Sendable {
        package var major: UInt32
        package var minor: UInt32
        package var weight: UInt16?
        package var leafWeight: UInt16?

        package init(major: UInt32, minor: UInt32, weight: UInt16? = nil, leafWeight: UInt16? = nil) {
            self.major = major
            self.minor = minor
            self.weight = weight
            self.leafWeight = leafWeight
        }

        init(_ value: JSONValue) throws(OperationError) {
            let object = try value.object()
            major = try object.required("major", deviceNumber)
            minor = try object.required("minor", deviceNumber)
            weight = try object.optional("weight", LinuxBlockIO.weight)
            leafWeight = try object.optional("leafWeight", LinuxBlockIO.weight)
            // RT-config-linux-095
            if weight == nil && leafWeight == nil { throw value.refused("at least one of weight and leafWeight is required") }
        }
    }

    /// A device's limit, in bytes or operations a second. Source: config-linux.md "Block IO".
    package struct ThrottleDevice: Equatable, Sendable {
        package var major: UInt32
        package var minor: UInt32
        /// Bytes or operations per second; 0 lifts the limit.
        package var rate: UInt64

        package init(major: UInt32, minor: UInt32, rate: UInt64) {
            self.major = major
            self.minor = minor
            self.rate = rate
        }

        init(_ value: JSONValue) throws(OperationError) {
            let object = try value.object()
            major = try object.required("major", deviceNumber)
            minor = try object.required("minor", deviceNumber)
            rate = try object.required("rate") { (value) throws(OperationError) in try value.integer() }
        }
    }

    package init(
        weight: UInt16? = nil, leafWeight: UInt16? = nil, weightDevice: [WeightDevice] = [],
        throttleReadBpsDevice: [ThrottleDevice] = [], throttleWriteBpsDevice: [ThrottleDevice] = [],
        throttleReadIOPSDevice: [ThrottleDevice] = [], throttleWriteIOPSDevice: [ThrottleDevice] = []
    ) {
        self.weight = weight
        self.leafWeight = leafWeight
        self.weightDevice = weightDevice
        self.throttleReadBpsDevice = throttleReadBpsDevice
        self.throttleWriteBpsDevice = throttleWriteBpsDevice
        self.throttleReadIOPSDevice = throttleReadIOPSDevice
        self.throttleWriteIOPSDevice = throttleWriteIOPSDevice
    }

    package init(_ object: JSONObject) throws(OperationError) {
        func throttles(_ key: String) throws(OperationError) -> [ThrottleDevice] {
            try object.array(key) { (value) throws(OperationError) in try ThrottleDevice(value) } ?? []
        }
        weight = try object.optional("weight", Self.weight)
        leafWeight = try object.optional("leafWeight", Self.weight)
        weightDevice = try object.array("weightDevice") { (value) throws(OperationError) in try WeightDevice(value) } ?? []
        throttleReadBpsDevice = try throttles("throttleReadBpsDevice")
        throttleWriteBpsDevice = try throttles("throttleWriteBpsDevice")
        throttleReadIOPSDevice = try throttles("throttleReadIOPSDevice")
        throttleWriteIOPSDevice = try throttles("throttleWriteIOPSDevice")
    }

    private static func weight(_ value: JSONValue) throws(OperationError) -> UInt16 {
        let weight: UInt16 = try value.integer()
        if weight != 0 && !(10...1000).contains(weight) { throw value.refused("\(weight) is out of range (10 to 1000, or 0 for none)") }
        return weight
    }
}

private func deviceNumber(_ value: JSONValue) throws(OperationError) -> UInt32 { try value.integer() }
