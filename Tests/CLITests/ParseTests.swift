@testable import CLI
import Diagnostics
import Testing

@Suite("all spellings that runc, crun and Go programs take")
struct ParseTests {
    @Test("an option's value", arguments: [
        ["--bundle", "/b"], ["--bundle=/b"], ["-b", "/b"], ["-b/b"], ["-b=/b"], ["-bundle", "/b"], ["-bundle=/b"],
    ])
    func value(spelling: [String]) throws {
        for arguments in [["create"] + spelling + ["web"], ["create", "web"] + spelling] {
            guard case .run(let invocation) = try demo.parse(arguments) else {
                Issue.record("no invocation: \(arguments)")
                continue
            }
            #expect(invocation.options.value("bundle") == "/b")
            #expect(invocation.options.isSet("bundle"))
            #expect(invocation.positionals == ["web"])
        }
    }

    @Test("a value may look like an option, be empty, or hold an equals sign")
    func oddValues() throws {
        #expect(try invocation("create", "--bundle", "--config", "web").options.value("bundle") == "--config")
        #expect(try invocation("create", "--bundle", "--", "web").options.value("bundle") == "--")
        #expect(try invocation("create", "--bundle", "", "web").options.value("bundle") == "")
        #expect(try invocation("create", "--bundle=", "web").options.value("bundle") == "")
        #expect(try invocation("create", "--bundle=a=b", "web").options.value("bundle") == "a=b")
        #expect(try invocation("create", "-b=a=b", "web").options.value("bundle") == "a=b")
        #expect(try invocation("create", "--bundle", "é\u{301}=", "web").options.value("bundle") == "é\u{301}=")
    }

    @Test func switches() throws {
        let grouped = try invocation("exec", "-dt", "web", "ls")
        #expect(grouped.options.isSet("detach") && grouped.options.isSet("tty"))
        #expect(try invocation("exec", "-dte", "A=1", "web").options.values("env") == ["A=1"])
        #expect(try invocation("exec", "-dteA=1", "web").options.values("env") == ["A=1"])
        #expect(try invocation("exec", "-detach", "web").options.isSet("detach"))
        #expect(try !invocation("exec", "-detach=false", "web").options.isSet("detach"))
        #expect(try !invocation("exec", "-d=0", "web").options.isSet("detach"))
        #expect(try !invocation("exec", "-td=F", "web").options.isSet("detach"))
        #expect(try invocation("exec", "--detach=true", "web").options.isSet("detach"))
        #expect(try !invocation("exec", "--detach", "--detach=false", "web").options.isSet("detach"), "the last one wins")
        #expect(try !invocation("exec", "web").options.isSet("detach"))
    }

    @Test func repetition() throws {
        let twice = try invocation("create", "-b", "/a", "--bundle=/b", "web", "-a", "x=1", "--annotation", "y=2")
        #expect(twice.options.value("bundle") == "/b")
        #expect(twice.options.values("bundle") == ["/b"])
        #expect(twice.options.values("annotation") == ["x=1", "y=2"])
        #expect(try invocation("create", "--keep-fds", "3", "web").options.value("preserve-fds") == "3", "an alias is the same option")
    }

    @Test func globalOptions() throws {
        let before = try invocation("--root", "/r", "--log-format=json", "-debug", "list")
        #expect(before.global.value("root") == "/r" && before.global.value("log-format") == "json" && before.global.isSet("debug"))
        let after = try invocation("kill", "web", "--root", "/r", "KILL", "--debug")
        #expect(after.global.value("root") == "/r" && after.global.isSet("debug") && after.positionals == ["web", "KILL"])
        let own = try invocation("--rootless", "true", "spec", "--rootless")
        #expect(own.global.value("rootless") == "true" && own.options.isSet("rootless"))
        #expect(try !invocation("--rootless", "true", "spec").options.isSet("rootless"))
        #expect(try invocation("--criu", "/x", "list").global.value("criu") == "/x", "hidden, not gone")
        #expect(try invocation("--", "list").command.name == "list")
    }

    @Test func whereOptionsEnd() throws {
        let exec = try invocation("exec", "-d", "web", "ls", "-d", "--", "--help")
        #expect(exec.positionals == ["web", "ls", "-d", "--", "--help"])
        #expect(exec.options.isSet("detach"))
        #expect(try invocation("exec", "web", "--", "ls", "--", "-l").positionals == ["web", "ls", "--", "-l"])
        #expect(try invocation("exec", "--", "-web", "-l").positionals == ["-web", "-l"])
        #expect(try invocation("kill", "web", "--", "-9").positionals == ["web", "-9"])
        #expect(try invocation("kill", "-", "KILL").positionals == ["-", "KILL"])
        let run = try invocation("run", "web", "--", "sh", "-c", "--", "x")
        #expect(run.positionals == ["web"] && run.trailing == ["sh", "-c", "--", "x"])
        #expect(try invocation("run", "web").trailing == nil)
        #expect(try invocation("run", "web", "--").trailing == [])
    }

    @Test func aliases() throws {
        #expect(try invocation("make", "web").command.name == "create")
        #expect(try demo.parse(["h", "make"]) == .help(demo.command(named: "create")))
    }

    @Test func requests() throws {
        let create = demo.command(named: "create")
        #expect(try demo.parse([]) == .help(nil))
        #expect(try demo.parse(["--debug"]) == .help(nil))
        #expect(try demo.parse(["-h"]) == .help(nil))
        #expect(try demo.parse(["--help", "--nonsense"]) == .help(nil))
        #expect(try demo.parse(["help"]) == .help(nil))
        #expect(try demo.parse(["help", "create"]) == .help(create))
        #expect(try demo.parse(["create", "--help"]) == .help(create))
        #expect(try demo.parse(["create", "a", "b", "c", "-h"]) == .help(create))
        #expect(try demo.parse(["exec", "web", "-h"]) != .help(demo.command(named: "exec")), "it belongs to the command in the container")
        #expect(try demo.parse(["--version"]) == .version)
        #expect(try demo.parse(["-v", "create"]) == .version)
        #expect(try demo.parse(["completion", "bash"]) == .completion(.bash))
        #expect(try demo.parse(["man"]) == .manPage(nil))
        #expect(try demo.parse(["man", "create"]) == .manPage(create))
        #expect(try demo.parse(["list", "--help=false"]) == .run(invocation("list", "--help=false")))
    }

    @Test func integers() throws {
        func number(_ text: String) throws -> Int? { try invocation("create", "--preserve-fds", text, "web").options.integer("preserve-fds", in: 0...100) }
        func refused(_ text: String) -> String {
            do {
                return "\(try number(text) as Int?)"
            } catch {
                return "\(error)"
            }
        }
        #expect(try number("0") == 0)
        #expect(try number("100") == 100)
        #expect(try invocation("create", "web").options.integer("preserve-fds", in: 0...100) == nil)
        #expect(refused("101") == "read option \"--preserve-fds\": 101 is out of range (0 to 100)")
        #expect(refused("-1") == "read option \"--preserve-fds\": -1 is out of range (0 to 100)")
        #expect(refused("99999999999999999999999") == "read option \"--preserve-fds\": 99999999999999999999999 is out of range (0 to 100)")
        #expect(refused("") == "read option \"--preserve-fds\": \"\" is not a whole number")
        #expect(refused("1k") == "read option \"--preserve-fds\": \"1k\" is not a whole number")
        #expect(refused("0x10") == "read option \"--preserve-fds\": \"0x10\" is not a whole number")
        #expect(refused("-") == "read option \"--preserve-fds\": \"-\" is not a whole number")
    }

    @Test("a name that is not declared stops the program: it is a mistake in the program")
    func undeclared() async {
        await #expect(processExitsWith: .failure) {
            _ = try demo.parse(["list"]).invocation?.options.value("frobnicate")
        }
    }

    @Test func declaration() {
        #expect(demo.mistakes == [])
        let wrong = Program(
            "wrong", summary: "w", version: "1", globalOptions: [Option("help", help: "")],
            commands: [
                Command(
                    "a", summary: "a.", discussion: ["No stop"], options: [Option("x", "x", words: ["y"], help: "h."), Option("yy", "x", help: "h")],
                    arguments: [Argument("A", optional: true, repeating: true, help: "a"), Argument("B", help: "b")], seeAlso: ["c"]),
                Command("b", aliases: ["a"], summary: "b"),
            ])
        #expect(wrong.mistakes == [
            "wrong: the help of --help is empty or ends in a full stop",
            "wrong: --help is declared twice",
            "a: the help of --x is empty or ends in a full stop",
            "a: --x is too short for a long name",
            "a: the switch --x has values",
            "a: -x is declared twice",
            "a: A repeats and is not the last",
            "a: B follows one that may be left out",
            "a: there is no command c to see",
            "a: the summary ends in a full stop",
            "a: a paragraph does not end in a full stop",
            "the command a is declared twice",
        ])
    }
}

extension Request {
    var invocation: Invocation? { if case .run(let invocation) = self { invocation } else { nil } }
}
