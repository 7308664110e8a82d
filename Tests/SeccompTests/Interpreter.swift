/// Runs a seccomp filter as the kernel would, for one system call. Source: Documentation/networking/filter.rst, seccomp(2).
struct Interpreter {
    let filter: [UInt8]

    private func instruction(_ index: Int) -> (code: UInt16, ifTrue: Int, ifFalse: Int, k: UInt32) {
        let at = index * 8
        func byte(_ offset: Int) -> UInt32 { UInt32(filter[at + offset]) }
        return (
            UInt16(byte(0) | byte(1) << 8), Int(byte(2)), Int(byte(3)),
            byte(4) | byte(5) << 8 | byte(6) << 16 | byte(7) << 24
        )
    }

    /// What the filter answers; nil for an instruction that no seccomp filter has.
    func action(of call: Int32, architecture: UInt32, arguments: [UInt64] = []) -> UInt32? {
        func word(at offset: UInt32) -> UInt32? {
            switch offset {
            case 0: return UInt32(bitPattern: call)
            case 4: return architecture
            case 16..<64:
                let index = Int(offset - 16) / 8
                let argument = index < arguments.count ? arguments[index] : 0
                return (offset - 16) % 8 == 0 ? UInt32(truncatingIfNeeded: argument) : UInt32(truncatingIfNeeded: argument >> 32)
            default: return nil
            }
        }
        var accumulator: UInt32 = 0
        var scratch = [UInt32](repeating: 0, count: 16)
        var next = 0
        while next < filter.count / 8 {
            let (code, ifTrue, ifFalse, k) = instruction(next)
            next += 1
            switch code {
            case 0x20:
                guard let value = word(at: k) else { return nil }
                accumulator = value
            case 0x60: accumulator = scratch[Int(k)]
            case 0x02: scratch[Int(k)] = accumulator
            case 0x54: accumulator &= k
            case 0x05: next += Int(k)
            case 0x15: next += accumulator == k ? ifTrue : ifFalse
            case 0x25: next += accumulator > k ? ifTrue : ifFalse
            case 0x35: next += accumulator >= k ? ifTrue : ifFalse
            case 0x45: next += accumulator & k != 0 ? ifTrue : ifFalse
            case 0x06: return k
            default: return nil
            }
        }
        return nil
    }
}
