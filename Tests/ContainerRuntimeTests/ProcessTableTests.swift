import ContainerRuntime
import Diagnostics
import Testing

@Suite("tables of ps(1)")
struct ProcessTableTests {
    @Test("the header, and the lines of the container's processes")
    func filter() throws {
        let listing = """
            UID          PID    PPID  C STIME TTY          TIME CMD
            root           1       0  0 10:00 ?        00:00:00 /sbin/init 77
            root          77       1  0 10:00 ?        00:00:00 sleep 1
            1000         770       1  0 10:00 ?        00:00:00 sleep 77

            """
        #expect(
            try processTable(listing, of: [77, 5])
                == "UID          PID    PPID  C STIME TTY          TIME CMD\nroot          77       1  0 10:00 ?        00:00:00 sleep 1\n")
        #expect(try processTable("  PID COMMAND\n   77 a b\n", of: []) == "  PID COMMAND\n")
        #expect(try processTable("COMMAND  PID\na b c    77\nd 1 2     9\n", of: [77]) == "COMMAND  PID\na b c    77\n")
    }

    @Test("output in which no pids can be found is refused")
    func refusals() {
        func failure(_ listing: String) -> String? {
            let error = #expect(throws: OperationError.self) { _ = try processTable(listing, of: [1]) }
            return error?.description
        }
        let hint = "; hint: let ps print the column \"pid\" first"
        #expect(failure("COMMAND\nsh\n") == "read output of \"ps\": there is no column PID" + hint)
        #expect(failure("") == "read output of \"ps\": there is no column PID" + hint)
        #expect(failure("A PID B\nx y z\n") == "read output of \"ps\": there is no pid in the line \"x y z\"" + hint)
        #expect(failure("A PID\n\u{1B}[2J\n") == "read output of \"ps\": there is no pid in the line \"\\u{1b}[2J\"" + hint)
    }

    @Test("a program's output, its status, and a program that is not there")
    func programs() throws {
        let output = try ProgramOutput.of("sh", ["-c", "echo out; echo err >&2; exit 3"], hint: "")
        #expect(output.status == 3 && output.text == "out\nerr\n")
        let error = #expect(throws: OperationError.self) { _ = try ProgramOutput.of("no-such-program", [], hint: "install it") }
        #expect(error?.description == "run \"no-such-program\": No such file or directory (ENOENT); hint: install it")
    }
}
