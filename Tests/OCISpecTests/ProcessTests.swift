import Diagnostics
import OCISpec
import Testing

private func process(_ members: String...) throws(OperationError) -> OCISpec.Process {
    try OCISpec.Process.parse(
        Array(("{" + (["\"cwd\": \"/\"", "\"args\": [\"a\"]"] + members).joined(separator: ", ") + "}").utf8), source: "process.json")
}

@Suite("Configuration: process")
struct ProcessTests {
    @Test("the least process")
    func least() throws { #expect(try process() == OCISpec.Process(args: ["a"])) }

    @Test("alone, the paths begin at the object itself")
    func alone() {
        func words(_ text: String) -> String {
            do throws(OperationError) {
                _ = try OCISpec.Process.parse(Array(text.utf8), source: "p.json")
                return "accepted"
            } catch { return error.description }
        }
        #expect(words("{}") == "read \"p.json\" (cwd): this property is required")
        #expect(words("{\"cwd\": \"/\"}") == "read \"p.json\" (args): at least one entry is required")
        #expect(words("{\"cwd\": \"a\", \"args\": [\"a\"]}") == "read \"p.json\" (cwd): \"a\" is not an absolute path")
        #expect(words("{\"cwd\": \"/\", \"args\": [\"a\"], \"user\": {\"uid\": 0}}") == "read \"p.json\" (user.gid): this property is required")
        #expect(words("{\"cwd\": \"/\", \"args\": [\"a\"], \"oomScoreAdj\": 1001}") == "read \"p.json\" (oomScoreAdj): 1001 is not between -1000 and 1000")
        #expect(words("{\"cwd\": \"/\", \"args\": [\"a\"], \"env\": [\"A=\", \"B\"]}") == "read \"p.json\" (env[1]): \"B\" has no \"=\"; hint: write NAME=value")
    }

    @Test(
        "refusals",
        arguments: [
            ("\"cwd\": null", "(process.cwd): this property is required"),
            ("\"cwd\": \"\"", "(process.cwd): the path is empty"),
            ("\"cwd\": \"tmp\"", "(process.cwd): \"tmp\" is not an absolute path"),
            ("\"args\": \"sh\"", "(process.args): expected an array, found a string; hint: each word is an entry of its own: [\"sh\", \"-c\", \"ls -l\"]"),
            ("\"rlimits\": [{\"type\": \"NOFILE\", \"soft\": 1, \"hard\": 1}]", "(process.rlimits[0].type): unknown resource limit \"NOFILE\"; hint: did you mean RLIMIT_NOFILE?"),
            ("\"args\": [\"a\\u0000b\"]", "(process.args[0]): the string contains a NUL character"),
            ("\"env\": [\"FOO\"]", "(process.env[0]): \"FOO\" has no \"=\"; hint: write NAME=value"),
            ("\"env\": [\"A=b\", \"=x\"]", "(process.env[1]): \"=x\" has no name before \"=\""),
            ("\"user\": {\"gid\": 1}", "(process.user.uid): this property is required"),
            ("\"user\": {\"uid\": 1}", "(process.user.gid): this property is required"),
            ("\"user\": {\"uid\": -1, \"gid\": 0}", "(process.user.uid): -1 is out of range (0 to 4294967295)"),
            ("\"user\": {\"uid\": 4294967295, \"gid\": 0}", "(process.user.uid): 4294967295 is not a user id"),
            ("\"user\": {\"uid\": 0, \"gid\": 4294967295}", "(process.user.gid): 4294967295 is not a group id"),
            ("\"user\": {\"uid\": 0, \"gid\": 0, \"additionalGids\": [1, 4294967295]}", "(process.user.additionalGids[1]): 4294967295 is not a group id"),
            ("\"user\": {\"uid\": 0, \"gid\": 0, \"umask\": 512}", "(process.user.umask): 512 is above 511 (octal 777)"),
            ("\"user\": {\"uid\": \"root\", \"gid\": 0}", "(process.user.uid): expected an integer, found a string; hint: write a number without quotes and without a unit"),
            ("\"terminal\": true, \"consoleSize\": {\"height\": 1}", "(process.consoleSize.width): this property is required"),
            ("\"terminal\": true, \"consoleSize\": {\"height\": 65536, \"width\": 1}", "(process.consoleSize.height): 65536 is above 65535"),
            ("\"terminal\": true, \"consoleSize\": {\"height\": 1, \"width\": 18446744073709551615}", "(process.consoleSize.width): 18446744073709551615 is above 65535"),
            ("\"terminal\": true, \"consoleSize\": {\"height\": -1, \"width\": 1}", "(process.consoleSize.height): -1 is out of range (0 to 18446744073709551615)"),
            ("\"oomScoreAdj\": -1001", "(process.oomScoreAdj): -1001 is not between -1000 and 1000"),
            ("\"oomScoreAdj\": 1001", "(process.oomScoreAdj): 1001 is not between -1000 and 1000"),
            ("\"oomScoreAdj\": 2147483648", "(process.oomScoreAdj): 2147483648 is out of range (-2147483648 to 2147483647)"),
            ("\"capabilities\": {\"bounding\": [1]}", "(process.capabilities.bounding[0]): expected a string, found an integer"),
            ("\"capabilities\": []", "(process.capabilities): expected an object, found an array"),
            ("\"noNewPrivileges\": \"yes\"", "(process.noNewPrivileges): expected true or false, found a string; hint: write it without quotes"),
        ])
    func refused(members: String, words: String) { #expect(refusal(config(process: members)) == words) }

    @Test(
        "refusals: resource limits",
        arguments: [
            ("{\"soft\": 1, \"hard\": 1}", "(process.rlimits[0].type): this property is required"),
            ("{\"type\": \"RLIMIT_CORE\", \"hard\": 1}", "(process.rlimits[0].soft): this property is required"),
            ("{\"type\": \"RLIMIT_CORE\", \"soft\": 1}", "(process.rlimits[0].hard): this property is required"),
            ("{\"type\": \"RLIMIT_FOO\", \"soft\": 1, \"hard\": 1}", "(process.rlimits[0].type): unknown resource limit \"RLIMIT_FOO\""),
            ("{\"type\": \"rlimit_core\", \"soft\": 1, \"hard\": 1}", "(process.rlimits[0].type): unknown resource limit \"rlimit_core\""),
            ("{\"type\": \"RLIMIT_CORE\", \"soft\": 2, \"hard\": 1}", "(process.rlimits[0].soft): 2 is above the hard limit 1"),
            ("{\"type\": \"RLIMIT_CORE\", \"soft\": -1, \"hard\": 1}", "(process.rlimits[0].soft): -1 is out of range (0 to 18446744073709551615)"),
            (
                "{\"type\": \"RLIMIT_AS\", \"soft\": 1, \"hard\": 1}, {\"type\": \"RLIMIT_CPU\", \"soft\": 1, \"hard\": 1}, {\"type\": \"RLIMIT_AS\", \"soft\": 1, \"hard\": 1}",
                "(process.rlimits[2].type): RLIMIT_AS was given before, in process.rlimits[0]"
            ),
        ])
    func refusedLimits(limits: String, words: String) { #expect(refusal(config(process: "\"rlimits\": [\(limits)]")) == words) }

    @Test("every limit of getrlimit(2), up to infinity")
    func limits() throws {
        for type in ResourceLimitType.allCases {
            let found = try process("\"rlimits\": [{\"type\": \"\(type.name)\", \"soft\": 0, \"hard\": 18446744073709551615}]").rlimits
            #expect(found == [ResourceLimit(type, soft: 0, hard: .max)])
        }
        #expect(ResourceLimitType.allCases.count == 16)
    }

    @Test(
        "refusals: scheduler",
        arguments: [
            ("{}", "(process.scheduler.policy): this property is required"),
            ("{\"policy\": \"SCHED_FOO\"}", "(process.scheduler.policy): unknown scheduling policy \"SCHED_FOO\"; hint: known: SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_ISO, SCHED_IDLE, SCHED_DEADLINE"),
            ("{\"policy\": \"SCHED_ISO\"}", "(process.scheduler.policy): SCHED_ISO is not supported; hint: no kernel has it; SCHED_RR is the closest policy"),
            ("{\"policy\": \"SCHED_OTHER\", \"nice\": 20}", "(process.scheduler.nice): 20 is not between -20 and 19"),
            ("{\"policy\": \"SCHED_OTHER\", \"nice\": -21}", "(process.scheduler.nice): -21 is not between -20 and 19"),
            ("{\"policy\": \"SCHED_BATCH\", \"priority\": 1}", "(process.scheduler.priority): SCHED_BATCH has no priority; hint: use nice"),
            ("{\"policy\": \"SCHED_FIFO\"}", "(process.scheduler.priority): 0 is not between 1 and 99, as SCHED_FIFO needs"),
            ("{\"policy\": \"SCHED_RR\", \"priority\": 100}", "(process.scheduler.priority): 100 is not between 1 and 99, as SCHED_RR needs"),
            ("{\"policy\": \"SCHED_RR\", \"priority\": 1, \"runtime\": 5}", "(process.scheduler.runtime): SCHED_RR has no runtime; hint: only SCHED_DEADLINE has one"),
            ("{\"policy\": \"SCHED_OTHER\", \"deadline\": 5}", "(process.scheduler.deadline): SCHED_OTHER has no deadline; hint: only SCHED_DEADLINE has one"),
            ("{\"policy\": \"SCHED_IDLE\", \"period\": 5}", "(process.scheduler.period): SCHED_IDLE has no period; hint: only SCHED_DEADLINE has one"),
            ("{\"policy\": \"SCHED_DEADLINE\"}", "(process.scheduler.runtime): 0 is below 1024 nanoseconds, as SCHED_DEADLINE needs"),
            ("{\"policy\": \"SCHED_DEADLINE\", \"runtime\": 2000, \"deadline\": 1999}", "(process.scheduler.deadline): 1999 is below the runtime 2000"),
            ("{\"policy\": \"SCHED_DEADLINE\", \"runtime\": 2000, \"deadline\": 2000, \"period\": 1999}", "(process.scheduler.period): 1999 is below the deadline 2000"),
            ("{\"policy\": \"SCHED_DEADLINE\", \"runtime\": 2000, \"deadline\": 9223372036854775808}", "(process.scheduler.deadline): 9223372036854775808 is above 9223372036854775807"),
            ("{\"policy\": \"SCHED_DEADLINE\", \"runtime\": 2000, \"deadline\": 2000, \"period\": 9223372036854775808}", "(process.scheduler.period): 9223372036854775808 is above 9223372036854775807"),
            ("{\"policy\": \"SCHED_OTHER\", \"flags\": [\"X\"]}", "(process.scheduler.flags[0]): unknown scheduling flag \"X\"; hint: known: SCHED_FLAG_RESET_ON_FORK, SCHED_FLAG_RECLAIM, SCHED_FLAG_DL_OVERRUN, SCHED_FLAG_KEEP_POLICY, SCHED_FLAG_KEEP_PARAMS, SCHED_FLAG_UTIL_CLAMP_MIN, SCHED_FLAG_UTIL_CLAMP_MAX"),
        ])
    func refusedScheduler(scheduler: String, words: String) { #expect(refusal(config(process: "\"scheduler\": \(scheduler)")) == words) }

    @Test("schedulers that are right")
    func schedulers() throws {
        let fifo = try process("\"scheduler\": {\"policy\": \"SCHED_FIFO\", \"priority\": 99, \"nice\": -20, \"flags\": [\"SCHED_FLAG_RESET_ON_FORK\"]}").scheduler
        #expect(fifo?.policy == .fifo && fifo?.priority == 99 && fifo?.nice == -20 && fifo?.flags == [.resetOnFork])
        let deadline = try process("\"scheduler\": {\"policy\": \"SCHED_DEADLINE\", \"runtime\": 1024, \"deadline\": 1024}").scheduler
        #expect(deadline?.runtime == 1024 && deadline?.deadline == 1024 && deadline?.period == 0)
        _ = try process("\"scheduler\": {\"policy\": \"SCHED_DEADLINE\", \"runtime\": 1024, \"deadline\": 9223372036854775807, \"period\": 9223372036854775807}")
    }

    @Test(
        "refusals: I/O priority and CPU affinity",
        arguments: [
            ("\"ioPriority\": {\"priority\": 1}", "(process.ioPriority.class): this property is required"),
            ("\"ioPriority\": {\"class\": \"IOPRIO_CLASS_BE\"}", "(process.ioPriority.priority): this property is required"),
            ("\"ioPriority\": {\"class\": \"X\", \"priority\": 0}", "(process.ioPriority.class): unknown I/O priority class \"X\"; hint: known: IOPRIO_CLASS_RT, IOPRIO_CLASS_BE, IOPRIO_CLASS_IDLE"),
            ("\"ioPriority\": {\"class\": \"IOPRIO_CLASS_RT\", \"priority\": 8}", "(process.ioPriority.priority): 8 is not between 0 and 7"),
            ("\"ioPriority\": {\"class\": \"IOPRIO_CLASS_RT\", \"priority\": -1}", "(process.ioPriority.priority): -1 is not between 0 and 7"),
            ("\"execCPUAffinity\": {\"initial\": \"3-1\"}", "(process.execCPUAffinity.initial): \"3-1\" is not a list of numbers up to 65535; hint: write \"0-3,7\""),
            ("\"execCPUAffinity\": {\"final\": \"all\"}", "(process.execCPUAffinity.final): \"all\" is not a list of numbers up to 65535; hint: write \"0-3,7\""),
        ])
    func refusedPriority(members: String, words: String) { #expect(refusal(config(process: members)) == words) }

    @Test("consoleSize is ignored without a terminal (RT-config-103)")
    func consoleSize() throws {
        #expect(try process("\"consoleSize\": {\"height\": 70000, \"width\": 1}").consoleSize == nil)
        #expect(try process("\"terminal\": false", "\"consoleSize\": {\"height\": 1, \"width\": 1}").consoleSize == nil)
        #expect(try process("\"terminal\": true", "\"consoleSize\": {\"height\": 65535, \"width\": 0}").consoleSize == ConsoleSize(height: 65535, width: 0))
    }

    @Test("empty text is the same as absent where it can mean nothing else")
    func emptyText() throws {
        let found = try process("\"apparmorProfile\": \"\"", "\"selinuxLabel\": \"\"", "\"execCPUAffinity\": {\"initial\": \"\", \"final\": \",\"}")
        #expect(found.apparmorProfile == nil && found.selinuxLabel == nil)
        #expect(found.execCPUAffinity?.initial == nil && found.execCPUAffinity?.final == nil)
    }

    @Test("users at the borders")
    func user() throws {
        let found = try process("\"user\": {\"uid\": 4294967294, \"gid\": 0, \"umask\": 511, \"additionalGids\": [5, 6]}").user
        #expect(found == User(uid: 4_294_967_294, gid: 0, umask: 0o777, additionalGids: [5, 6]))
        #expect(try process().user == User())
    }

    @Test("capabilities stay names, whatever they are (RT-config-124)")
    func capabilities() throws {
        let found = try process("\"capabilities\": {\"bounding\": [\"CAP_FOO\"], \"ambient\": null}").capabilities
        #expect(found?.bounding == ["CAP_FOO"] && found?.ambient == [])
        #expect(try process().capabilities == nil)
    }
}

@Suite("CPU lists")
struct CPUListTests {
    @Test(
        "lists",
        arguments: [
            ("0", "0", [1]), ("0-3,7", "0-3,7", [0b1000_1111]), (" 1 , 3 - 4 ,", "1,3-4", [0b11010]), ("63-64", "63-64", [1 << 63, 1]), ("7,0-1,7", "7,0-1,7", [0b1000_0011]),
            ("", "", []), (",, ,", "", []), ("128", "128", [0, 0, 1]), ("0005", "5", [32]),
        ] as [(String, String, [UInt64])])
    func lists(text: String, canonical: String, mask: [UInt64]) throws {
        let list = try #require(CPUList(text))
        #expect(list.text == canonical)
        #expect(list.mask == mask)
        #expect(list.isEmpty == mask.isEmpty)
    }

    @Test("no lists", arguments: ["a", "1-", "-1", "-", "1-2-3", "2-1", "1;2", "65536", "0-65536", "99999999999999999999", "1 2", "0x1", "٣", "1-2:1/2", "+1"])
    func noLists(text: String) { #expect(CPUList(text) == nil) }

    @Test func membership() throws {
        let list = try #require(CPUList("0-3,7,65535"))
        #expect(list.contains(0) && list.contains(3) && list.contains(7) && list.contains(65535))
        #expect(!list.contains(4) && !list.contains(8) && !list.contains(-1))
        #expect(list.mask.count == 1024)
    }
}
