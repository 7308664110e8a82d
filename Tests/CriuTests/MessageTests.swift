import Testing

@testable import Criu

@Suite("criu's messages")
struct MessageTests {
    @Test("requests are the bytes that libcriu sends")
    func requests() {
        #expect(CriuRequest(.version).bytes == [0x08, 10])
        #expect(CriuRequest(.notify).bytes == [0x08, 6, 0x18, 1])
        var request = CriuRequest(.featureCheck)
        request.features = [.memoryTracking, .lazyPages]
        #expect(request.bytes == [0x08, 9, 0x2A, 4, 0x08, 1, 0x10, 1])
    }

    /// The bytes are those that Python's protobuf makes of the same message by criu's rpc.proto.
    @Test("the options of a dump")
    func options() {
        var options = CriuOptions()
        options.imagesDirectory = 5
        options.pid = 321
        options.leavesRunning = true
        options.logFile = "dump.log"
        options.root = "/r"
        options.externalMounts = [.init("/data", "/data")]
        options.externals = ["net[7]:x"]
        options.frozenCgroup = "/f"
        options.pageServer = .init(address: "::1", port: 1234)
        let text = { (text: String) in [UInt8(text.utf8.count)] + Array(text.utf8) }
        var expected: [UInt8] = [0x08, 5, 0x10, 0xC1, 0x02, 0x18, 1, 0x48, 4, 0x52] + text("dump.log")
        expected += [0x5A, 8, 0x0A] + text("::1") + [0x10, 0xD2, 0x09]
        expected += [0x60, 1, 0x6A] + text("/r")
        expected += [0xBA, 0x01, 14, 0x0A] + text("/data") + [0x12] + text("/data")
        expected += [0xC0, 0x01, 1, 0x90, 0x02, 6, 0xAA, 0x02] + text("net[7]:x")
        expected += [0xE2, 0x02] + text("/f") + [0x90, 0x03, 1]
        #expect(CriuRequest(.dump, options: options).bytes == [0x08, 1, 0x12, UInt8(expected.count)] + expected)
    }

    @Test("the version that criu 3.17.1 sends")
    func version() throws {
        let response = try #require(CriuResponse([0x08, 10, 0x10, 1, 0x52, 6, 0x08, 3, 0x10, 17, 0x20, 1]))
        #expect(response.version == CriuVersion(3, 17, 1))
        #expect(response.version?.text == "3.17.1")
        #expect(CriuVersion(3, 9) < CriuVersion(3, 15))
        #expect(CriuVersion(4, 0).text == "4.0")
    }

    @Test("a notification, a restored process, a failure, features")
    func responses() throws {
        let notification = try #require(CriuResponse([0x08, 6, 0x10, 1, 0x2A, 7, 0x0A, 2, 0x61, 0x62, 0x10, 0x80, 0x01]))
        #expect(notification.script == "ab")
        #expect(notification.scriptPID == 128)
        #expect(CriuResponse([0x08, 2, 0x10, 1, 0x22, 2, 0x08, 9])?.restoredPID == 9)
        let failure = try #require(CriuResponse([0x08, 1, 0x10, 0, 0x38, 16, 0x4A, 2, 0x6E, 0x6F]))
        #expect(!failure.succeeded)
        #expect(failure.errno == 16)
        #expect(failure.errorMessage == "no")
        #expect(CriuResponse([0x08, 9, 0x10, 1, 0x42, 4, 0x08, 1, 0x10, 0])?.features == [.memoryTracking])
        #expect(CriuResponse([0x08, 9]) == nil, "success is required")
        #expect(CriuResponse([]) == nil)
    }

    private let criu = CriuProgram("/usr/sbin/criu")
    private func outcome(_ response: [UInt8]?, status: Int32 = 0, said: String = "") -> CriuProgram.Outcome {
        CriuProgram.Outcome(response: response.flatMap { CriuResponse($0) }, status: status, said: Array(said.utf8))
    }

    @Test("an answer of another kind, or a bad end, is no success")
    func success() {
        #expect(outcome([0x08, 1, 0x10, 1]).succeeded(.dump))
        #expect(!outcome([0x08, 1, 0x10, 1], status: 1).succeeded(.dump))
        #expect(!outcome([0x08, 2, 0x10, 1]).succeeded(.dump))
        #expect(!outcome([0x08, 1, 0x10, 0]).succeeded(.dump))
        #expect(!outcome(nil).succeeded(.dump))
        #expect(outcome([0x08, 4, 0x10, 1], status: 1).succeeded(.preDump), "criu waits for another request")
    }

    @Test("a failure is told in the words of the log, of stderr, of the answer, or by how criu ended")
    func failures() {
        let failed = outcome([0x08, 6, 0x10, 0, 0x38, 16, 0x4A, 2, 0x6E, 0x6F], status: 1, said: "Error (criu/vdso.c:381): vdso: bad bounds\n")
        #expect(
            criu.failure("dump with", failed, log: ["Can't lookup mount=22 for fd=0", "Dump files failed"], logPath: "/w/dump.log").description
                == #"dump with "/usr/sbin/criu": it says "Can't lookup mount=22 for fd=0", "Dump files failed"; hint: its log is "/w/dump.log""#)
        #expect(criu.failure("dump with", failed, log: [], logPath: "/w/dump.log").description == #"dump with "/usr/sbin/criu": it says "vdso: bad bounds""#)
        let silent = outcome([0x08, 1, 0x10, 0, 0x4A, 2, 0x6E, 0x6F], status: 1)
        #expect(criu.failure("dump with", silent, log: [], logPath: nil).description == #"dump with "/usr/sbin/criu": it says "no""#)
        #expect(criu.failure("dump with", outcome([0x08, 1, 0x10, 0, 0x38, 16]), log: [], logPath: nil).description == #"dump with "/usr/sbin/criu": Device or resource busy (EBUSY)"#)
        #expect(criu.failure("dump with", outcome(nil, status: 137), log: [], logPath: nil).description == #"dump with "/usr/sbin/criu": it was killed by signal 9"#)
        #expect(criu.failure("dump with", outcome(nil, status: 1), log: [], logPath: nil).description == #"dump with "/usr/sbin/criu": it ended with status 1"#)
        #expect(criu.failure("dump with", outcome(nil, status: 127, said: "it could not be started: x\n"), log: [], logPath: nil).description == #"dump with "/usr/sbin/criu": it says "it could not be started: x""#)
    }

    @Test("errors of a log, without times, places, repetitions and the line that says nothing")
    func logs() {
        let log = """
            (00.000124) Version: 3.17.1 (gitid 0)
            (00.044467) Warn  (criu/cr-restore.c:1297): Set CLONE_PARENT
            (00.122588) Error (criu/files-reg.c:1710): Can't lookup mount=22 for fd=0 path=/dev/null
            (00.122876) Error (criu/cr-dump.c:1635): Dump files (pid: 324) failed with -1
            (00.122876) Error (criu/cr-dump.c:1635): Dump files (pid: 324) failed with -1
            (00.304739)      1: Error (criu/mount-v2.c:961): mnt-v2: Failed to copy sharing
            (00.208939) Error (criu/cr-dump.c:2053): Dumping FAILED.
            """
        #expect(
            CriuLog.errors(in: Array(log.utf8)) == [
                "Can't lookup mount=22 for fd=0 path=/dev/null", "Dump files (pid: 324) failed with -1", "mnt-v2: Failed to copy sharing",
            ])
        #expect(CriuLog.errors(in: Array(log.utf8), last: 1) == ["mnt-v2: Failed to copy sharing"])
        #expect(CriuLog.errors(in: Array("Error (".utf8)).isEmpty)
        #expect(CriuLog.errors(in: Array("Error (criu/a.c:1):".utf8)).isEmpty)
        #expect(CriuLog.errors(in: []).isEmpty)
        let unanswered = """
            (00.034219) Connecting to server 127.0.0.1:9
            (00.034994) Can't connect to server 127.0.0.1:9
            (00.035279) Error (compel/src/lib/infect.c:356): Unable to detach from 10251: No such process
            """
        #expect(CriuLog.errors(in: Array(unanswered.utf8)) == ["Can't connect to server 127.0.0.1:9", "Unable to detach from 10251: No such process"])
    }
}
