import Cgroups
import Diagnostics
import OCISpec
import Testing

/// Runs a device program as the kernel does, for the few instructions that ours have.
private func run(_ program: [UInt64], kind: UInt32, major: UInt32, minor: UInt32, access: LinuxDeviceRule.Access) throws -> Bool {
    var registers = [UInt64](repeating: 0, count: 11)
    let context = [UInt32(access.rawValue) << 16 | kind, major, minor]
    var next = 0
    for _ in 0..<10000 {
        try #require(next < program.count, "the program runs past its end")
        let word = program[next]
        next += 1
        let destination = Int(word >> 8 & 0xF)
        let source = Int(word >> 12 & 0xF)
        let offset = Int(Int16(truncatingIfNeeded: word >> 16))
        let immediate = UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: word >> 32)))
        switch UInt8(truncatingIfNeeded: word) {
        case 0x61:
            try #require(source == 1 && offset % 4 == 0 && offset < 12, "a load outside of the context")
            registers[destination] = UInt64(context[offset / 4])
        case 0xBF: registers[destination] = registers[source]
        case 0xB7: registers[destination] = immediate
        case 0x57: registers[destination] &= immediate
        case 0x77: registers[destination] >>= immediate
        case 0x55: if registers[destination] != immediate { next += offset }
        case 0x45: if registers[destination] & immediate != 0 { next += offset }
        case 0x05: next += offset
        case 0x95: return registers[0] == 1
        case let code: Issue.record("unknown instruction \(code)"); return false
        }
    }
    Issue.record("the program does not end")
    return false
}

/// What the ordered rules say, straight from the specification's words: each access by the last rule that matches.
private func allows(_ rules: [LinuxDeviceRule], kind: LinuxDeviceRule.Kind, major: UInt32, minor: UInt32, access: LinuxDeviceRule.Access) -> Bool {
    for bit in [LinuxDeviceRule.Access.read, .write, .makeNode] where access.contains(bit) {
        let last = rules.last {
            ($0.kind == .all || $0.kind == kind) && ($0.major == nil || $0.major == major) && ($0.minor == nil || $0.minor == minor)
                && $0.access.contains(bit)
        }
        if !(last?.allow ?? false) { return false }
    }
    return true
}

private func rule(_ allow: Bool, _ kind: LinuxDeviceRule.Kind = .all, _ major: UInt32? = nil, _ minor: UInt32? = nil, _ access: LinuxDeviceRule.Access = .all)
    -> LinuxDeviceRule
{
    LinuxDeviceRule(allow: allow, kind: kind, major: major, minor: minor, access: access)
}

@Suite("device rules") struct DeviceTests {
    @Test("the rules that every container has")
    func defaults() {
        #expect(
            DevicePolicy(defaultDeviceRules).lines == [
                "deny a *:* rwm", "allow c *:* m", "allow b *:* m", "allow c 1:3 rwm", "allow c 1:5 rwm", "allow c 1:7 rwm", "allow c 1:8 rwm",
                "allow c 1:9 rwm", "allow c 5:0 rwm", "allow c 5:1 rwm", "allow c 5:2 rwm", "allow c 136:* rwm",
            ])
    }

    @Test("rules without effect are left out")
    func reduced() {
        #expect(DevicePolicy([]).lines == ["deny a *:* rwm"])
        #expect(DevicePolicy([rule(true)] + defaultDeviceRules).allowsEverything)
        #expect(DevicePolicy([rule(true), rule(false), rule(false, .block, 8)]).lines == ["deny a *:* rwm"])
        #expect(DevicePolicy([rule(true, .character, 1, 3, .read), rule(true, .character, 1, 3)]).lines == ["deny a *:* rwm", "allow c 1:3 rwm"])
        #expect(DevicePolicy([rule(true, .character, 1, 3), rule(false, .character, 1, 3)]).lines == ["deny a *:* rwm"])
    }

    @Test("version 1: a default and exceptions")
    func version1() throws {
        let docker = [rule(false), rule(true, .character, nil, nil, .makeNode), rule(true, .character, 1, 3), rule(true, .character, 10, 229, [.read, .write])]
        #expect(
            try DevicePolicy(docker + defaultDeviceRules).cgroup1Writes().map { $0.file + " " + $0.text } == [
                "devices.deny a", "devices.allow c 10:229 rw", "devices.allow c *:* m", "devices.allow b *:* m", "devices.allow c 1:3 rwm",
                "devices.allow c 1:5 rwm", "devices.allow c 1:7 rwm", "devices.allow c 1:8 rwm", "devices.allow c 1:9 rwm",
                "devices.allow c 5:0 rwm", "devices.allow c 5:1 rwm", "devices.allow c 5:2 rwm", "devices.allow c 136:* rwm",
            ])
        #expect(try DevicePolicy([rule(true)] + defaultDeviceRules).cgroup1Writes().map { $0.file + " " + $0.text } == ["devices.allow a"])
        #expect(
            try DevicePolicy([rule(true), rule(false, .block, 8)]).cgroup1Writes().map { $0.file + " " + $0.text }
                == ["devices.allow a", "devices.deny b 8:* rwm"])
        // the kernel reads "a 1:3 r" as everything: both kinds are written apart
        #expect(
            try DevicePolicy([rule(true, .all, 1, 3, .read)]).cgroup1Writes().map { $0.file + " " + $0.text }
                == ["devices.deny a", "devices.allow c 1:3 r", "devices.allow b 1:3 r"])
        // taken back as it was given, in part or below a wider rule
        #expect(
            try DevicePolicy([rule(true, .block, 8, 1), rule(false, .block, 8, 1, .write)]).cgroup1Writes().map { $0.text } == ["a", "b 8:1 rm"])
        #expect(try DevicePolicy([rule(true, .block, 8, 1, .read), rule(false, .block, 8, nil, .read)]).cgroup1Writes().map { $0.text } == ["a"])
        #expect(try DevicePolicy([rule(true), rule(false, .character, 10, 1)] + defaultDeviceRules).cgroup1Writes().map { $0.text } == ["a", "c 10:1 rw"])
    }

    @Test("version 1 cannot punch holes")
    func hole() {
        let policy = DevicePolicy([rule(true, .block, 8), rule(false, .block, 8, 1)])
        let error = #expect(throws: OperationError.self) { try policy.cgroup1Writes() }
        #expect(
            error?.description
                == #"limit "devices" (linux.resources.devices): the device rule "b 8:1 rwm", which takes back a part of "b 8:* rwm", on cgroup version 1 is not supported"#)
    }

    @Test("the program decides as the rules do")
    func program() throws {
        var generator = SystemRandomNumberGenerator()
        var kinds: [LinuxDeviceRule.Kind] { [.all, .block, .character] }
        var lists = [[], defaultDeviceRules, [rule(true)], [rule(true)] + [rule(false, .block, 8, 0, .write)] + defaultDeviceRules]
        for _ in 0..<300 {
            lists.append(
                (0..<Int.random(in: 1...7, using: &generator)).map { _ in
                    rule(
                        .random(), kinds.randomElement()!, [nil, 1, 8, 4_294_967_295].randomElement()!, [nil, 0, 3].randomElement()!,
                        LinuxDeviceRule.Access(rawValue: .random(in: 1...7)))
                })
        }
        for rules in lists {
            let program = DevicePolicy(rules).program()
            for (kind, number) in [(LinuxDeviceRule.Kind.block, UInt32(1)), (.character, 2)] {
                for major in [UInt32(1), 8, 136, 7] {
                    for minor in [UInt32(0), 3, 9] {
                        for access in 1...7 {
                            let access = LinuxDeviceRule.Access(rawValue: UInt8(access))
                            let expected = allows(rules, kind: kind, major: major, minor: minor, access: access)
                            let answer = try run(program, kind: number, major: major, minor: minor, access: access)
                            #expect(answer == expected, "\(rules.map { ($0.allow ? "allow " : "deny ") + $0.text }) \(kind) \(major):\(minor) \(access.text)")
                        }
                    }
                }
            }
        }
    }

    @Test("the exact bytes of a small program")
    func bytes() {
        #expect(
            DevicePolicy([rule(true, .character, 1, 3, .read)]).program() == [
                0x0000_0000_0000_1261,  // r2 = *(u32 *)(r1 + 0)
                0x0000_0000_0000_23BF,  // r3 = r2
                0x0000_FFFF_0000_0257,  // r2 &= 0xffff
                0x0000_0010_0000_0377,  // r3 >>= 16
                0x0000_0000_0004_1461,  // r4 = *(u32 *)(r1 + 4)
                0x0000_0000_0008_1561,  // r5 = *(u32 *)(r1 + 8)
                0x0000_0002_0006_0255,  // if r2 != 2 goto +6
                0x0000_0001_0005_0455,  // if r4 != 1 goto +5
                0x0000_0003_0004_0555,  // if r5 != 3 goto +4
                0xFFFF_FFFD_0000_0357,  // r3 &= ~2
                0x0000_0000_0002_0355,  // if r3 != 0 goto +2
                0x0000_0001_0000_00B7,  // r0 = 1
                0x0000_0000_0000_0095,  // exit
                0x0000_0000_0000_00B7,  // r0 = 0
                0x0000_0000_0000_0095,  // exit
            ])
    }
}
