// A device policy as a program of the kernel's BPF machine, for version 2 cgroups, which have no device files.
import OCISpec

extension DevicePolicy {
    /// The program's instructions, as `struct bpf_insn` lies in memory on a little-endian machine.
    ///
    /// The kernel runs it with the asked access, the kind of device and its numbers; 1 allows, 0 refuses. It walks the rules
    /// from the last to the first and keeps in r3 the access that no rule has decided yet:
    /// a denial of any of it ends the walk, an allowance takes its part away until none is left.
    /// Source: kernel bpf.h, `struct bpf_cgroup_dev_ctx`; bpf/standardization/instruction-set.rst.
    package func program() -> [UInt64] {
        var program = Assembler()
        program.load(.r2, offset: 0)  // access << 16 | kind
        program.move(.r3, from: .r2)
        program.and(.r2, 0xFFFF)
        program.shiftRight(.r3, 16)
        program.load(.r4, offset: 4)  // major
        program.load(.r5, offset: 8)  // minor
        for rule in rules.reversed() {
            let next = program.newLabel()
            switch rule.kind {
            case .all: break
            case .block: program.jump(ifNot: .r2, equals: 1, to: next)
            case .character: program.jump(ifNot: .r2, equals: 2, to: next)
            }
            // Numbers beyond 31 bits belong to no device; their sign-extended immediate never matches.
            if let major = rule.major { program.jump(ifNot: .r4, equals: Int32(truncatingIfNeeded: major), to: next) }
            if let minor = rule.minor { program.jump(ifNot: .r5, equals: Int32(truncatingIfNeeded: minor), to: next) }
            let access = Int32(rule.access.rawValue)
            if rule.access != .all {
                if rule.allow {
                    program.and(.r3, ~access)
                    program.jump(ifNot: .r3, equals: 0, to: next)
                } else {
                    let denied = program.newLabel()
                    program.jump(if: .r3, hasAnyOf: access, to: denied)
                    program.jump(to: next)
                    program.place(denied)
                }
            }
            program.answer(rule.allow)
            program.place(next)
        }
        program.answer(allowsOthers)
        return program.finished()
    }
}

/// Lays out instructions; jumps go forward only, to labels that are placed later.
private struct Assembler {
    enum Register: UInt8 {
        case r0, r1, r2, r3, r4, r5
    }
    struct Label { let index: Int }

    private var instructions: [(code: UInt8, registers: UInt8, label: Int, offset: Int16, immediate: Int32)] = []
    private var places: [Int] = []

    private mutating func add(
        _ code: UInt8, _ destination: Register, _ immediate: Int32 = 0, from source: Register = .r0, offset: Int16 = 0, label: Int = -1
    ) {
        instructions.append((code, destination.rawValue | source.rawValue << 4, label, offset, immediate))
    }

    /// `destination` = 32 bits at `offset` of the context, which r1 points to.
    mutating func load(_ destination: Register, offset: Int16) { add(0x61, destination, from: .r1, offset: offset) }
    mutating func move(_ destination: Register, from source: Register) { add(0xBF, destination, from: source) }
    mutating func and(_ destination: Register, _ value: Int32) { add(0x57, destination, value) }
    mutating func shiftRight(_ destination: Register, _ bits: Int32) { add(0x77, destination, bits) }
    mutating func jump(ifNot register: Register, equals value: Int32, to label: Label) { add(0x55, register, value, label: label.index) }
    mutating func jump(if register: Register, hasAnyOf bits: Int32, to label: Label) { add(0x45, register, bits, label: label.index) }
    mutating func jump(to label: Label) { add(0x05, .r0, label: label.index) }
    mutating func answer(_ allowed: Bool) {
        add(0xB7, .r0, allowed ? 1 : 0)
        add(0x95, .r0)
    }

    mutating func newLabel() -> Label {
        places.append(-1)
        return Label(index: places.count - 1)
    }
    mutating func place(_ label: Label) { places[label.index] = instructions.count }

    func finished() -> [UInt64] {
        instructions.enumerated().map { index, instruction in
            let offset = instruction.label < 0 ? instruction.offset : Int16(places[instruction.label] - index - 1)
            return UInt64(instruction.code) | UInt64(instruction.registers) << 8 | UInt64(UInt16(bitPattern: offset)) << 16
                | UInt64(UInt32(bitPattern: instruction.immediate)) << 32
        }
    }
}
