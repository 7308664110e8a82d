import Diagnostics
import JSON
import OCISpec
import Testing

@testable import Seccomp

/// AUDIT_ARCH_X86_64 and AUDIT_ARCH_I386 of <linux/audit.h>.
let x86_64: UInt32 = 0xC000_003E
let i386: UInt32 = 0x4000_0003
let allow: UInt32 = 0x7fff_0000
func errno(_ number: UInt32) -> UInt32 { 0x0005_0000 | number }

func profile(_ text: String) throws(OperationError) -> LinuxSeccomp {
    let document = try JSONDocument(parsing: Array(text.utf8), source: "profile")
    return try document.decode { (value) throws(OperationError) in try LinuxSeccomp(try value.object()) }
}

/// The filter of a profile that allows everything but `rules`, for the two x86 architectures.
func filter(_ rules: String, byDefault: String = #""defaultAction":"SCMP_ACT_ALLOW""#) throws -> Interpreter {
    let text = #"{\#(byDefault),"architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86"],"syscalls":[\#(rules)]}"#
    return Interpreter(filter: try compileSeccomp(try profile(text)).filter)
}

@Suite("a profile becomes a filter")
struct CompileTests {
    @Test("a rule applies on every architecture that is named, by that architecture's numbers")
    func architectures() throws {
        let filter = try filter(#"{"names":["mkdir"],"action":"SCMP_ACT_ERRNO"}"#)
        #expect(filter.action(of: 83, architecture: x86_64) == errno(1))
        #expect(filter.action(of: 39, architecture: i386) == errno(1))
        #expect(filter.action(of: 39, architecture: x86_64) == allow)
        #expect(filter.action(of: 83, architecture: 0xC000_00B7) == 0, "an architecture that nobody named is killed")
    }

    @Test("errnoRet and defaultErrnoRet are what is returned", arguments: [38, 4094])
    func errnoRet(number: UInt32) throws {
        let rule = try filter(#"{"names":["mkdir"],"action":"SCMP_ACT_ERRNO","errnoRet":\#(number)}"#)
        #expect(rule.action(of: 83, architecture: x86_64) == errno(number))
        let other = try filter(
            #"{"names":["read","openat2"],"action":"SCMP_ACT_ALLOW"}"#, byDefault: #""defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":\#(number)"#)
        #expect(other.action(of: 83, architecture: x86_64) == errno(number))
        #expect(other.action(of: 0, architecture: x86_64) == allow)
    }

    @Test("each action has the kernel's value", arguments: [
        ("SCMP_ACT_KILL", UInt32(0)), ("SCMP_ACT_KILL_THREAD", 0), ("SCMP_ACT_KILL_PROCESS", 0x8000_0000), ("SCMP_ACT_TRAP", 0x0003_0000),
        ("SCMP_ACT_TRACE", 0x7ff0_0001), ("SCMP_ACT_LOG", 0x7ffc_0000),
    ])
    func actions(name: String, value: UInt32) throws {
        let filter = try filter(#"{"names":["mkdir"],"action":"\#(name)"}"#)
        #expect(filter.action(of: 83, architecture: x86_64) == value)
    }

    @Test("each operator compares all 64 bits", arguments: [
        ("SCMP_CMP_NE", UInt64(0x1_0000_0005), [(UInt64(5), true), (0x1_0000_0005, false)]),
        ("SCMP_CMP_LT", 0x1_0000_0005, [(0x1_0000_0004, true), (0x1_0000_0005, false), (6, true)]),
        ("SCMP_CMP_LE", 0x1_0000_0005, [(0x1_0000_0005, true), (0x1_0000_0006, false)]),
        ("SCMP_CMP_EQ", 0x1_0000_0005, [(0x1_0000_0005, true), (5, false)]),
        ("SCMP_CMP_GE", 0x1_0000_0005, [(0x1_0000_0005, true), (6, false)]),
        ("SCMP_CMP_GT", 0x1_0000_0005, [(0x1_0000_0006, true), (0x1_0000_0005, false)]),
    ])
    func operators(name: String, value: UInt64, cases: [(UInt64, Bool)]) throws {
        let filter = try filter(#"{"names":["personality"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":\#(value),"op":"\#(name)"}]}"#)
        for (argument, matches) in cases {
            #expect(filter.action(of: 135, architecture: x86_64, arguments: [argument]) == (matches ? errno(1) : allow), "\(argument)")
        }
    }

    @Test("a masked comparison takes value as the mask and valueTwo as what is left")
    func masked() throws {
        let filter = try filter(#"{"names":["clone"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":2114060288,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"}]}"#)
        #expect(filter.action(of: 56, architecture: x86_64, arguments: [17]) == errno(1))
        #expect(filter.action(of: 56, architecture: x86_64, arguments: [0x1000_0000]) == allow)
    }

    @Test("arguments of one rule must all match; two of one index are alternatives")
    func severalArguments() throws {
        let both = try filter(#"{"names":["socket"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":16,"op":"SCMP_CMP_EQ"},{"index":2,"value":9,"op":"SCMP_CMP_EQ"}]}"#)
        #expect(both.action(of: 41, architecture: x86_64, arguments: [16, 3, 9]) == errno(1))
        #expect(both.action(of: 41, architecture: x86_64, arguments: [16, 3, 0]) == allow)
        let either = try filter(#"{"names":["socket"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":16,"op":"SCMP_CMP_EQ"},{"index":0,"value":40,"op":"SCMP_CMP_EQ"}]}"#)
        #expect(either.action(of: 41, architecture: x86_64, arguments: [16]) == errno(1))
        #expect(either.action(of: 41, architecture: x86_64, arguments: [40]) == errno(1))
        #expect(either.action(of: 41, architecture: x86_64, arguments: [1]) == allow)
    }

    @Test("system calls that nobody knows, and rules that change nothing, are passed over")
    func passedOver() throws {
        let filter = try filter(#"{"names":["no_such_call","mkdir"],"action":"SCMP_ACT_ERRNO"},{"names":["mkdir"],"action":"SCMP_ACT_ALLOW"}"#)
        #expect(filter.action(of: 83, architecture: x86_64) == errno(1))
    }

    @Test("flags: SPEC_ALLOW when nothing is said, else what is said; a listener excludes TSYNC")
    func flags() throws {
        func bits(_ flags: String, notify: Bool = false) throws -> UInt32 {
            let rule = notify ? #"{"names":["mkdir"],"action":"SCMP_ACT_NOTIFY"}"# : ""
            return try profile(#"{"defaultAction":"SCMP_ACT_ALLOW",\#(flags)"listenerPath":"/a","syscalls":[\#(rule)]}"#).flagBits
        }
        #expect(try bits("") == 4)
        #expect(try bits(#""flags":[],"#) == 0)
        #expect(try bits(#""flags":["SECCOMP_FILTER_FLAG_LOG","SECCOMP_FILTER_FLAG_TSYNC"],"#) == 3)
        #expect(try bits(#""flags":["SECCOMP_FILTER_FLAG_TSYNC","SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],"#, notify: true) == 0b101000)
    }

    @Test("a wrong profile is refused by name", arguments: [
        (#"{"defaultAction":"SCMP_ACT_NO"}"#, #"(defaultAction): unknown seccomp action "SCMP_ACT_NO""#),
        (#"{"defaultAction":"SCMP_ACT_ALLOW","defaultErrnoRet":1}"#, "(defaultErrnoRet): SCMP_ACT_ALLOW does not return an errno"),
        (#"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":4095}"#, "(defaultErrnoRet): 4095 is above 4094"),
        (#"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["X86"]}"#, #"(architectures[0]): unknown seccomp architecture "X86""#),
        (#"{"defaultAction":"SCMP_ACT_ALLOW","flags":["TSYNC"]}"#, #"(flags[0]): unknown seccomp flag "TSYNC""#),
        (#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":[],"action":"SCMP_ACT_LOG"}]}"#, "(syscalls[0].names): at least one entry is required"),
        (#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_LOG","args":[{"index":6,"value":1,"op":"SCMP_CMP_EQ"}]}]}"#, "(syscalls[0].args[0].index): 6 is above 5"),
        (#"{"defaultAction":"SCMP_ACT_ALLOW","listenerMetadata":"x"}"#, "(listenerMetadata): it is sent to listenerPath, which is missing"),
        (#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_NOTIFY"}]}"#, "(listenerPath): SCMP_ACT_NOTIFY needs the path of an agent's socket"),
        (#"{"defaultAction":"SCMP_ACT_NOTIFY"}"#, "(defaultAction): SCMP_ACT_NOTIFY cannot be the default"),
    ])
    func refused(text: String, message: String) {
        let error = #expect(throws: OperationError.self) { try profile(text) }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }
}
