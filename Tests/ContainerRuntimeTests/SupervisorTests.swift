import Testing

@testable import ContainerRuntime

@Suite("what a supervisor gets and gives")
struct SupervisorTests {
    @Test("of a message, what is about the service is passed on; with READY=1 comes the main process")
    func message() {
        func passed(_ text: String) -> String { String(decoding: NotifyMessage(Array(text.utf8), mainPID: 42).lines, as: UTF8.self) }
        #expect(passed("READY=1") == "MAINPID=42\nREADY=1\n")
        #expect(passed("STATUS=half done\nREADY=1\n") == "STATUS=half done\nMAINPID=42\nREADY=1\n")
        #expect(passed("RELOADING=1\nMONOTONIC_USEC=5") == "RELOADING=1\nMONOTONIC_USEC=5\n")
        #expect(passed("MAINPID=1\nFDSTORE=1\nNOTIFYACCESS=all\nMAINPIDFDID=1\nBUSERROR=x\nX_READY=1") == "")
        #expect(passed("") == "" && passed("\n\n") == "")
        #expect(passed("READY=0") == "", "there is no such assignment")
        #expect(passed("STATUS=MAINPID=1\u{0}\n") == "STATUS=MAINPID=1\u{0}\n", "it is text of a status")
    }

    @Test("only READY=1 is the word that is awaited")
    func ready() {
        func isReady(_ text: String) -> Bool { NotifyMessage(Array(text.utf8), mainPID: 1).isReady }
        #expect(isReady("READY=1") && isReady("STATUS=x\nREADY=1\n"))
        #expect(!isReady("READY=10") && !isReady("STATUS=READY=1") && !isReady("STOPPING=1") && !isReady(""))
    }

    @Test("sockets count when they are for this process")
    func sockets() {
        func found(_ environment: [String: String]) -> ActivatedSockets? { ActivatedSockets.inEnvironment(of: 7) { environment[$0] } }
        #expect(found(["LISTEN_FDS": "2", "LISTEN_PID": "7"]) == ActivatedSockets(count: 2, names: nil))
        #expect(found(["LISTEN_FDS": "2", "LISTEN_PID": "7", "LISTEN_FDNAMES": "a:b"]) == ActivatedSockets(count: 2, names: "a:b"))
        #expect(found(["LISTEN_FDS": "2", "LISTEN_PID": "8"]) == nil && found(["LISTEN_FDS": "2"]) == nil)
        for count in ["0", "-1", "1025", "", "x", "4294967297"] { #expect(found(["LISTEN_FDS": count, "LISTEN_PID": "7"]) == nil) }
    }
}
