import OCISpec
import Testing

@testable import Seccomp

@Suite("system calls that are newer than the profile")
struct UnknownCallsTests {
    private let noSystemCall = errno(38)

    /// mkdir is 83 on x86_64 and 39 on i386; openat2 is 437 on both.
    private func strict(_ names: [String], byDefault: String = #""defaultAction":"SCMP_ACT_ERRNO""#) throws -> Interpreter {
        let list = names.map { "\"\($0)\"" }.joined(separator: ",")
        return try filter(#"{"names":[\#(list)],"action":"SCMP_ACT_ALLOW"}"#, byDefault: byDefault)
    }

    @Test("above the highest call that is named: ENOSYS; below it: the default, on each architecture by its own numbers")
    func boundary() throws {
        let filter = try strict(["read", "openat2"])
        for architecture in [x86_64, i386] {
            #expect(filter.action(of: 437, architecture: architecture) == allow)
            #expect(filter.action(of: 436, architecture: architecture) == errno(1))
            for number in [438, 500, 0x3FFF_FFFF] as [Int32] { #expect(filter.action(of: number, architecture: architecture) == noSystemCall, "\(number)") }
        }
        let mkdir = try strict(["mkdir"])
        #expect(mkdir.action(of: 40, architecture: i386) == noSystemCall)
        #expect(mkdir.action(of: 40, architecture: x86_64) == errno(1))
    }

    @Test("a call that is named to be denied is known, whatever its action")
    func denied() throws {
        let filter = try filter(#"{"names":["openat2"],"action":"SCMP_ACT_ERRNO"},{"names":["read"],"action":"SCMP_ACT_ALLOW"}"#, byDefault: #""defaultAction":"SCMP_ACT_ERRNO""#)
        #expect(filter.action(of: 437, architecture: x86_64) == errno(1))
        #expect(filter.action(of: 438, architecture: x86_64) == noSystemCall)
    }

    @Test("names that nobody knows say nothing")
    func unknownNames() throws {
        #expect(try strict(["read", "call_of_the_future"]).action(of: 1, architecture: x86_64) == noSystemCall)
        // no number at all: nothing is known, and the default stands
        #expect(try strict(["call_of_the_future"]).action(of: 1, architecture: x86_64) == errno(1))
    }

    @Test("a default that lets through, that traces, or that is ENOSYS stays", arguments: [
        (#""defaultAction":"SCMP_ACT_ALLOW""#, UInt32(0x7fff_0000)), (#""defaultAction":"SCMP_ACT_LOG""#, 0x7ffc_0000),
        (#""defaultAction":"SCMP_ACT_TRACE""#, 0x7ff0_0001), (#""defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38"#, 0x0005_0026),
    ])
    func permissive(byDefault: String, answer: UInt32) throws {
        let filter = try filter(#"{"names":["read"],"action":"SCMP_ACT_KILL"}"#, byDefault: byDefault)
        #expect(filter.action(of: 500, architecture: x86_64) == answer)
        #expect(filter.filter.count == (try compileWithoutPrologue(byDefault)))
    }

    /// The length of the filter as libseccomp makes it.
    private func compileWithoutPrologue(_ byDefault: String) throws -> Int {
        let text = #"{\#(byDefault),"architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86"],"syscalls":[{"names":["read"],"action":"SCMP_ACT_KILL"}]}"#
        let known = try profile(text)
        #expect(!known.hidesUnknownCalls)
        return try compileSeccomp(known).filter.count
    }

    @Test("a default that kills or traps is no answer to a newer call", arguments: ["SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"])
    func killing(action: String) throws {
        let filter = try strict(["read", "openat2"], byDefault: #""defaultAction":"\#(action)""#)
        #expect(filter.action(of: 500, architecture: x86_64) == noSystemCall)
        #expect(filter.action(of: 1, architecture: x86_64) != noSystemCall)
    }

    @Test("an architecture that nobody named is left to the filter, and so are x32 calls without x32")
    func others() throws {
        let filter = try strict(["read", "openat2"])
        #expect(filter.action(of: 500, architecture: 0xC000_00B7) == 0)
        #expect(filter.action(of: 0x4000_0000 + 500, architecture: x86_64) == 0)
        #expect(filter.action(of: -1, architecture: x86_64) == errno(1), "what a tracer skipped is no newer call")
    }

    @Test("x32 has limits of its own on the architecture that it shares")
    func x32() throws {
        let text = #"{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X32"],"syscalls":[{"names":["read","openat2"],"action":"SCMP_ACT_ALLOW"}]}"#
        let known = try profile(text)
        #expect(known.knownCalls() == [KnownCalls(architecture: x86_64, highest: 437, highestX32: 0x4000_0000 + 437)])
        let filter = Interpreter(filter: try compileSeccomp(known).filter)
        #expect(filter.action(of: 0x4000_0000 + 438, architecture: x86_64) == noSystemCall)
        #expect(filter.action(of: 0x4000_0000, architecture: x86_64) == allow)
        #expect(filter.action(of: 438, architecture: x86_64) == noSystemCall && filter.action(of: 437, architecture: x86_64) == allow)
    }

    @Test("the native architecture is guarded when a profile names none")
    func native() throws {
        let filter = Interpreter(filter: try compileSeccomp(try profile(#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read","openat2"],"action":"SCMP_ACT_ALLOW"}]}"#)).filter)
        #expect(filter.action(of: 438, architecture: nativeArchitecture()) == noSystemCall)
        #expect(filter.action(of: 437, architecture: nativeArchitecture()) == allow)
    }
}
