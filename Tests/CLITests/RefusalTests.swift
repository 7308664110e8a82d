@testable import CLI
import Testing

@Suite("every refused command line says why, and what to do")
struct RefusalTests {
    @Test func unknownCommand() {
        #expect(refusal("crate") == "read command \"crate\": no such command; hint: did you mean create? see demo --help")
        #expect(refusal("frobnicate") == "read command \"frobnicate\": no such command; hint: see demo --help")
        #expect(refusal("") == "read command: its name is empty; hint: see demo --help")
        #expect(refusal("help", "crate") == "help: read command \"crate\": no such command; hint: did you mean create? see demo help --help")
        #expect(refusal("man", "crate") == "man: read command \"crate\": no such command; hint: did you mean create? see demo man --help")
        #expect(refusal("secre") == "read command \"secre\": no such command; hint: see demo --help", "hidden commands are not suggested")
    }

    @Test func unknownOption() {
        #expect(refusal("create", "--bundel", "x", "web") == "create: read option \"--bundel\": no such option; hint: did you mean --bundle? see demo create --help")
        #expect(refusal("create", "-bundel", "x", "web") == "create: read argument \"web\": only one argument is expected; hint: see demo create --help", "-b takes the rest of its argument")
        #expect(refusal("--debgu") == "read option \"--debgu\": no such option; hint: did you mean --debug? see demo --help")
        #expect(refusal("create", "--xyzzy", "web") == "create: read option \"--xyzzy\": no such option; hint: see demo create --help")
        #expect(refusal("create", "--", "--xyzzy", "web") == "create: read argument \"web\": only one argument is expected; hint: see demo create --help")
        #expect(refusal("list", "--=x") == "list: read option \"--\": no such option; hint: see demo list --help")
        #expect(refusal("kill", "-x", "web") == "kill: read option \"-x\": no such option; hint: see demo kill --help")
        #expect(refusal("kill", "-ax", "web") == "kill: read option \"-x\": no such option (in \"-ax\"); hint: see demo kill --help")
        #expect(refusal("kill", "-al", "web") == "kill: read option \"-l\": no such option (in \"-al\"); hint: see demo kill --help")
        #expect(refusal("kill", "-xyz", "web") == "kill: read option \"-xyz\": no such option; hint: see demo kill --help")
        #expect(refusal("--cri=x", "list") == "read option \"--cri\": no such option; hint: see demo --help", "hidden options are not suggested")
    }

    @Test("an option of another command says whose it is")
    func misplacedOption() {
        #expect(refusal("create", "--detach", "web") == "create: read option \"--detach\": no such option; hint: it is an option of exec; see demo create --help")
        #expect(refusal("--bundle", "/b", "create", "web") == "read option \"--bundle\": no such option; hint: put it after the command: create; see demo --help")
        #expect(refusal("-q") == "read option \"-q\": no such option; hint: put it after the command: list; see demo --help")
        #expect(refusal("create", "--version") == "create: read option \"--version\": no such option; hint: see demo create --help")
        #expect(refusal("create", "-v") == "create: read option \"-v\": no such option; hint: see demo create --help")
    }

    @Test func values() {
        #expect(refusal("create", "web", "--bundle") == "create: read option \"--bundle\": it requires an argument (--bundle DIR); hint: see demo create --help")
        #expect(refusal("create", "web", "-b") == "create: read option \"-b\": it requires an argument (--bundle DIR); hint: see demo create --help")
        #expect(refusal("--root") == "read option \"--root\": it requires an argument (--root DIR); hint: see demo --help")
        #expect(refusal("list", "--format", "tabel") == "list: read option \"--format\": \"tabel\" is not table or json; hint: did you mean table? see demo list --help")
        #expect(refusal("list", "--format=") == "list: read option \"--format\": \"\" is not table or json; hint: see demo list --help")
        #expect(refusal("--rootless", "maybe", "list") == "read option \"--rootless\": \"maybe\" is not auto, true or false; hint: see demo --help")
        #expect(refusal("kill", "--all=maybe", "web") == "kill: read option \"--all\": expected true or false, found \"maybe\"; hint: see demo kill --help")
        #expect(refusal("kill", "-a=", "web") == "kill: read option \"-a\": expected true or false, found \"\"; hint: see demo kill --help")
    }

    @Test func arguments() {
        #expect(refusal("create") == "create: read arguments: CONTAINER is missing; hint: see demo create --help")
        #expect(refusal("create", "a", "b") == "create: read argument \"b\": only one argument is expected; hint: see demo create --help")
        #expect(refusal("run", "a", "ls") == "run: read argument \"ls\": only one argument is expected; hint: COMMAND stands behind \"--\"; see demo run --help")
        #expect(refusal("kill", "a", "b", "c") == "kill: read argument \"c\": only 2 arguments are expected; hint: see demo kill --help")
        #expect(refusal("list", "a") == "list: read argument \"a\": no argument is expected; hint: see demo list --help")
        #expect(refusal("mounts", "ad") == "mounts: read ACTION: \"ad\" is not add or remove; hint: did you mean add? see demo mounts --help")
        #expect(refusal("completion", "tcsh") == "completion: read SHELL: \"tcsh\" is not bash, zsh or fish; hint: see demo completion --help")
        #expect(refusal("create", "a", "\u{1B}[2J\u{202E}") == "create: read argument \"\\u{1b}[2J\\u{202e}\": only one argument is expected; hint: see demo create --help")
    }

    @Test("the name under which the program was called is the one in hints")
    func invokedName() {
        #expect(throws: (any Error).self) { try demo.called("/usr/bin/runc").parse(["creat"]) }
        do {
            _ = try demo.called("/usr/bin/runc").parse(["creat"])
        } catch {
            #expect(error.description == "read command \"creat\": no such command; hint: did you mean create? see runc --help")
        }
    }

    @Test func distances() {
        func distance(_ a: String, _ b: String) -> Int { editDistance(Array(a.utf8), Array(b.utf8)) }
        #expect(distance("", "abc") == 3)
        #expect(distance("abc", "abc") == 0)
        #expect(distance("abc", "acb") == 1)
        #expect(distance("kitten", "sitting") == 3)
        #expect(distance("a", String(repeating: "a", count: 1000)) == 1000)
        #expect(suggestion(for: "x", among: ["y"]) == nil)
        #expect(suggestion(for: "det", among: ["detach"]) == "detach")
    }
}
