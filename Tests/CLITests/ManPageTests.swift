@testable import CLI
import Foundation
import Testing

@Suite struct ManPageTests {
    @Test func command() throws {
        let create = try #require(demo.command(named: "create"))
        #expect(demo.called("runc").manPage(for: create) == #"""
            .TH "DEMO\-CREATE" 1 "" "demo 1.2.3" "show what a declaration can say"
            .nh
            .ad l
            .SH "NAME"
            demo\-create \- make a container
            .SH "SYNOPSIS"
            .B "demo"
            [global options] create [options] CONTAINER
            .SH "DESCRIPTION"
            Makes a container. "demo start" starts it.
            .SH "ARGUMENTS"
            .TP
            .B "CONTAINER"
            the id
            .SH "OPTIONS"
            .TP
            \fB\-b\fR, \fB\-\-bundle\fR \fIDIR\fR
            the bundle (default: the current directory)
            .TP
            \fB\-f\fR, \fB\-\-config\fR \fIFILE\fR
            the configuration
            .TP
            \fB\-\-preserve\-fds\fR \fIN\fR
            hand on N descriptors (also \-\-keep\-fds)
            .TP
            \fB\-a\fR, \fB\-\-annotation\fR \fIKEY=VALUE\fR
            attach a note: [one] for each use (may be repeated)
            .TP
            \fB\-h\fR, \fB\-\-help\fR
            show help and do nothing else
            .SH "EXAMPLES"
            make one:
            .PP
            .RS 4
            .nf
            demo create \-\-bundle /b web
            \&.demo
            .fi
            .RE
            .SH "EXIT STATUS"
            .TP
            .B "0"
            all went well
            .SH "FILES"
            .TP
            .B "/run/demo"
            state
            .SH "SEE ALSO"
            demo(1), demo\-exec(1)

            """#)
    }

    @Test("a command with exit statuses, variables and files of its own has them, others have the program's")
    func sections() throws {
        let status = Term("7", "seven"), variable = Term("V", "a variable"), file = Term("/f", "a file")
        let program = Program(
            "p", summary: "s", version: "1",
            commands: [Command("a", summary: "a", exitStatuses: [status], environment: [variable], files: [file]), Command("b", summary: "b")],
            exitStatuses: [Term("0", "all"), Term("x", "special")], usualExitStatuses: [Term("0", "usual")], files: [Term("/p", "of the program")],
            chapters: [Chapter("NOTES", ["A paragraph."], terms: [Term("n", "a %prog note")])])
        func page(_ name: String) throws -> String { program.manPage(for: try #require(program.command(named: name))) }
        #expect(try page("a").contains(".SH \"EXIT STATUS\"\n.TP\n.B \"7\"\nseven\n.SH \"ENVIRONMENT\"\n.TP\n.B \"V\"\na variable\n.SH \"FILES\"\n.TP\n.B \"/f\"\na file\n.SH"))
        #expect(try page("b").contains(".SH \"EXIT STATUS\"\n.TP\n.B \"0\"\nusual\n.SH \"FILES\"\n.TP\n.B \"/p\"\nof the program\n.SH"))
        #expect(try !page("help").contains("FILES"))
        #expect(program.manPage().contains("special") && program.manPage().contains(".SH \"NOTES\"\nA paragraph.\n.TP\n.B \"n\"\na p note\n.SH \"SEE ALSO\""))
        #expect(program.manPageNames() == "p\np-a\np-b\np-help\np-completion\np-man\n")
    }

    @Test("roff reads no letter of the text as a request")
    func escapes() {
        let page = Program("p", summary: "s", discussion: [".SH x", "'br", #"a\fB ~^`"#, "  .x\n\n  'y"], version: "1", commands: []).manPage()
        #expect(page.contains("\n\\&.SH x\n"))
        #expect(page.contains("\n\\(aqbr\n"))
        #expect(page.contains("\na\\efB \\(ti\\(ha\\(ga\n"))
        #expect(page.contains(".nf\n  .x\n\\&\n  \\(aqy\n.fi\n"))
        #expect(page.contains("COMMANDS"))
    }

    @Test("man has no warnings", .enabled(if: installed("man") != nil, "man is not installed"))
    func man() throws {
        for page in [demo.manPage()] + demo.commands.map({ demo.manPage(for: $0) }) {
            let outcome = try render(page, with: try #require(installed("man")), ["--warnings", "-l"])
            #expect(outcome.errors == "")
            #expect(outcome.status == 0)
            #expect(outcome.output.contains("NAME") && outcome.output.contains("SEE ALSO"))
        }
    }

    @Test("mandoc finds nothing worse than a missing date", .enabled(if: installed("mandoc") != nil, "mandoc is not installed"))
    func mandoc() throws {
        for page in [demo.manPage()] + demo.commands.map({ demo.manPage(for: $0) }) {
            let outcome = try render(page, with: try #require(installed("mandoc")), ["-T", "lint", "-W", "warning"])
            let findings = (outcome.output + outcome.errors).split(separator: "\n").filter { !$0.contains("missing date") }
            #expect(findings.isEmpty)
        }
    }

    private func render(_ page: String, with program: String, _ arguments: [String]) throws -> Outcome {
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }  // left over: harmless
        let file = directory.appendingPathComponent("page.1")
        try page.write(to: file, atomically: true, encoding: .utf8)
        return try execute(program, arguments + [file.path], environment: ["MANPAGER": "cat", "MANWIDTH": "80", "LC_ALL": "C.UTF-8"])
    }
}
